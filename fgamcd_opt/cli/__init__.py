"""The command line `fgamcd`: one file per command."""
