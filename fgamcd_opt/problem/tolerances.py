"""Tolerances by which the checker forgives rounding; bounds and proofs of infeasibility allow for exactly these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

QOS_TOLERANCE = 1e-6
"""A rate may stay below its QoS rate (9b) by this share: what solvers of ten digits and fewer need."""

POWER_TOLERANCE = 1e-11
"""A beam may exceed the power budget of its node (9d) by this share: rounding alone, as scaling down costs nothing."""

BINARY_TOLERANCE = 1e-6
"""Distance from 0 or 1 up to which a binary (9c) is rounded."""

CLAIM_TOLERANCE = 1e-9
"""Largest relative difference between a claimed and the recomputed delay that is put down to rounding."""

MARGIN = 1e-12
"""Relative margin by which a proof steps outwards after a short chain of floating-point operations.

A chain of k operations on numbers of one sign errs by at most about k * 1.2e-16; this is room for thousands.
"""


def owed_rate_bps(qos_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rates in bit/s that the checker asks for where the QoS rates (9b) are ``qos_bps``; same shape."""
    return np.asarray(qos_bps * (1.0 - QOS_TOLERANCE))


def allowed_power_w(power_w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Powers in W up to which the checker accepts beams of nodes with budgets ``power_w`` (9d); same shape."""
    return np.asarray(power_w * (1.0 + POWER_TOLERANCE))
