"""Comparisons: a grid of instance x solver x seed, each cell solved in a process of its own, one row per cell."""
