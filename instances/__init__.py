"""Instances of P1: format, model repositories, networks, requests, recipes, presets and library."""

from __future__ import annotations

from fgamcd_opt.instances.format import load_instance, save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.resolve import load

__all__ = ["PRESETS", "Instance", "Recipe", "generate", "library", "load", "load_instance", "save_instance"]
