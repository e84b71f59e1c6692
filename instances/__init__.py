"""Instances of P1: format, model repositories, networks, requests, recipes, presets and library."""
