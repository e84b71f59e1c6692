"""Model repositories: drawn, scanned from checkpoints, or read from files."""
