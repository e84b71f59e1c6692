"""From a recipe to an instance."""
