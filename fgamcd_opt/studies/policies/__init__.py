"""Learned policies judged against exact bounds."""
