"""One line for the user when numerical kernels are compiled, so that the first run does not look stuck."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger("fgamcd_opt.cli")


@contextmanager
def compilation_announced() -> Iterator[None]:
    """Within: the first kernel that is compiled, and not read from Numba's cache on disk, is announced."""
    if "numba" not in sys.modules:  # the solver has no compiled kernels
        yield
        return
    from numba.core import event

    class Announcement(event.Listener):
        done = False

        def on_start(self, event: Any) -> None:
            if not self.done:
                self.done = True
                log.info("compiling numerical kernels: about a minute, once per version of them")

        def on_end(self, event: Any) -> None:
            """Nothing to tell."""

    with event.install_listener("numba:compile", Announcement()):
        yield
