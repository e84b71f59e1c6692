"""Solvers that prove lower bounds and find no solution."""
