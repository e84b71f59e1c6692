"""Log and progress on stderr. The library itself is quiet; only the command line attaches a handler."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fgamcd_opt.io.safe_text import printable

LEVELS = ("debug", "info", "warning", "error")


class _Lines(logging.Formatter):
    """Progress as it is; anything else says how serious it is."""

    def format(self, record: logging.LogRecord) -> str:
        text = printable(super().format(record))
        return text if record.levelno == logging.INFO else f"fgamcd: {record.levelname.lower()}: {text}"


@contextmanager
def logging_to_stderr(level: str) -> Iterator[None]:
    """Within: records of this package from ``level`` on go to stderr."""
    logger = logging.getLogger("fgamcd_opt")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
