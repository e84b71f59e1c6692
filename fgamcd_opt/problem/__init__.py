"""P1: its declaration, decisions, their evaluation, and the independent checker."""
