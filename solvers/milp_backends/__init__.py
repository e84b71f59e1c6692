"""MILP backends behind one interface."""
