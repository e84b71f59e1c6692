"""Policies: files, the shipped ones, and how they act."""
