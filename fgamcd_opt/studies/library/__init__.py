"""The library as a table, and its stored certificates."""
