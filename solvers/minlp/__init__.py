"""P1 as one nonconvex program, by global solvers."""
