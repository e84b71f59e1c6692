"""P1 as one nonconvex program."""
