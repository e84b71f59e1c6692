"""`CellOutcome`: how a cell of a comparison ended."""

from __future__ import annotations

from enum import StrEnum


class CellOutcome(StrEnum):
    """How a cell ended."""

    SOLVED = "solved"
    """The solver returned, whatever it found."""
    KILLED_TIME = "killed_time"
    """It was still running long after its time limit, and was killed."""
    KILLED_MEMORY = "killed_memory"
    CRASHED = "crashed"
    """Its process ended without an answer."""
    ERROR = "error"
    """An exception that nobody raises on purpose: a bug."""
    REFUSED = "refused"
    """The solver does not take this problem here: variant, size, backend or licence."""
    REFUTED = "refuted"
    """What the solver returned contradicts itself or its own verified point, or is no result: a bug of the solver."""
