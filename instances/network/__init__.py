"""Nodes, users and channels: drawn, or read from files."""
