"""Solvers: each file is one pluggable solver or one piece that several solvers share; see `registry`."""
