"""Learned policies as solvers."""
