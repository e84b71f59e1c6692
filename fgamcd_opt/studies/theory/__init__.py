"""Sample bounds of the source's analysis."""
