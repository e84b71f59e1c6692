"""Comparisons, sweeps and other studies on top of solvers."""
