"""Rivals that change a declaration of P1."""
