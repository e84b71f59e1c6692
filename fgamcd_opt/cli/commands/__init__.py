"""One module per command: its arguments, one call, one report."""
