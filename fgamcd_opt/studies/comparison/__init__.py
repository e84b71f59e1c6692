"""Comparisons: a grid of instance x solver x seed, each cell solved in its own process, one row per cell."""
