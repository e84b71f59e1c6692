"""Shared by every test; being here also puts this folder on the import path, for the helpers beside it."""

from __future__ import annotations

from hypothesis import settings

# no test is timed: the first call of a kernel compiles it
settings.register_profile("fgamcd", deadline=None)
settings.load_profile("fgamcd")
