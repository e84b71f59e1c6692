"""Recipes of instances and their presets."""
