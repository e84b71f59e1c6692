"""Commands that make files for other work: instances, repositories, models for other solvers."""
