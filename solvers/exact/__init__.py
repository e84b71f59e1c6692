"""Solvers of the knapsack of F5 with certified gaps."""
