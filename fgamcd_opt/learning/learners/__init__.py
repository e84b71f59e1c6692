"""Learning algorithms and what they learn from."""
