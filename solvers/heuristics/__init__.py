"""Placement heuristics."""
