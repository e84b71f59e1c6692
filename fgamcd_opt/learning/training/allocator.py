"""How the C library hands out memory to a training."""

from __future__ import annotations

import ctypes
import logging

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""Options of glibc's ``mallopt``."""

_LARGEST_REUSED_BYTES = 32 * 2**20
_KEPT_BYTES = 512 * 2**20

log = logging.getLogger(__name__)


def keep_freed_memory() -> None:
    """Let this process keep memory that it frees, for the rest of its life; for programs that train, before they do.

    An update allocates some dozens of arrays of a few hundred KiB and frees them again. By default glibc returns them
    to the kernel each time and gets them back zeroed, page by page: several hundred page faults, 1 to 2 ms, for an
    update of 6 ms (`paper`, hidden width 64). Up to 512 MiB are kept, and arrays of up to 32 MiB reused. Without glibc
    nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        log.info("no glibc: freed memory goes back to the system as usual")
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_REUSED_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
