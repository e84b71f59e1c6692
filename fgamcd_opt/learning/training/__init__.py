"""Training runs: start, progress, checkpoints, curves."""
