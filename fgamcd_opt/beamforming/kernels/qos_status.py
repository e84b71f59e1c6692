"""QoS status of a node set."""

from __future__ import annotations

FEASIBLE, UNKNOWN, INFEASIBLE = 1, 0, -1
"""A beam in hand meets every floor; open; proved that no beam can."""
