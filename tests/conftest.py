"""Shared by every test; being here also puts this folder on the import path, for the helpers beside it."""

from __future__ import annotations

import signal

from hypothesis import settings

# no test is timed: the first call of a kernel compiles it
settings.register_profile("fgamcd", deadline=None)
settings.load_profile("fgamcd")

# a shell that starts the tests in the background has SIGINT ignored; the tests of Ctrl-C, and their children, need it
signal.signal(signal.SIGINT, signal.default_int_handler)
