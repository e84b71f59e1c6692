"""The vocabulary of results: why a solver stopped, what point it holds, what is known, and the gap."""

from __future__ import annotations

from enum import StrEnum

OPTIMALITY_GAP = 1e-6
"""Largest relative gap that is called optimal."""


class StopReason(StrEnum):
    """Why a solver stopped."""

    OPTIMAL = "optimal"
    """Optimum proved: gap at most :data:`OPTIMALITY_GAP`."""
    GAP_REACHED = "gap_reached"
    """The requested gap is proved."""
    COMPLETED = "completed"
    """The method ran to its end, without one of the proofs above."""
    INFEASIBLE = "infeasible"
    """Proved that no feasible point exists."""
    TIME_LIMIT = "time_limit"
    NODE_LIMIT = "node_limit"
    INTERRUPTED = "interrupted"
    BACKEND_LIMIT = "backend_limit"
    """A model that was needed next is too large for the licence of the backend."""


class PointStatus(StrEnum):
    """What point a result holds."""

    FEASIBLE = "feasible"
    """A solution that the checker accepts."""
    REJECTED = "rejected"
    """A solution that the checker rejects."""
    NONE = "none"


class Status(StrEnum):
    """What is known about the problem; follows from point, bound and proof."""

    OPTIMAL = "optimal"
    WITHIN_GAP = "within_gap"
    """Feasible, and the requested gap is proved."""
    FEASIBLE = "feasible"
    REJECTED = "rejected"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


def relative_gap(delay_s: float, lower_bound_s: float) -> float:
    """THE gap formula: ``(T - L) / T`` of a delay T > 0 above a lower bound L."""
    return (delay_s - lower_bound_s) / delay_s


def above_best(delay_s: float, best_delay_s: float) -> float:
    """How far a delay is above the best delay known: ``(T - best) / best``, the formula of every "to best"."""
    return (delay_s - best_delay_s) / best_delay_s
