"""Pictures of an instance and a solution, readable without colour (``fgamcd show``). They need the extra ``show``."""
