"""Sample bounds of the paper's analysis."""
