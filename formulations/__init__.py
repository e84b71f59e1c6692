"""Formulations: each file turns a P1 object into one mathematical model."""
