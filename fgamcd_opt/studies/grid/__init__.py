"""One runner for grids of (instance, solver, seed) cells."""
