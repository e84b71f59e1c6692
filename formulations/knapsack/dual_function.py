"""Lagrangian relaxation of storage (1) in the knapsack of F5: exact bound for given multipliers, and reduced costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack

ROUNDING = 1e-12
"""Relative margin taken off every bound for floating-point rounding of the sums."""

_ROUNDED_TERMS = 4096
"""Terms up to which :data:`ROUNDING` covers a sum: each adds a rounding of 2^-53 at most, twice with a factor."""


def rounding_share(n_terms: int) -> float:
    """Relative margin for a sum of positive terms that are products and sums of rounded numbers themselves.

    n additions of positive numbers are off by at most n x 2^-53 of the sum, and every term (sizes, storage and delays
    as doubles, a product, a sum over nodes of its own) by some more roundings, which are counted as ``n_terms``.
    """
    return ROUNDING * max(1.0, n_terms / _ROUNDED_TERMS)


def priced_delays(knapsack: Knapsack, multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """(c,) T_k(C) + sum_{n in C} lambda_n D_k for multipliers (N,) in s per byte."""
    rent = knapsack.membership() @ multipliers
    return np.asarray(knapsack.delay_s + knapsack.size_bytes[knapsack.block] * rent)


def lagrangian_bound(
    knapsack: Knapsack, multipliers: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Proved lower bound for any multipliers >= 0, and the reduced cost of every column.

    L(lambda) = sum_k min_C (T_k(C) + sum_{n in C} lambda_n D_k) - sum_n lambda_n Q_n. Every choice that holds a
    column of reduced cost r costs at least L + r.

    Parameters
    ----------
    knapsack
        Columns; every block needs at least one.
    multipliers
        (N,) in s per byte, none negative.

    Returns
    -------
    bound_s
        In s.
    reduced_s
        (c,) in s, >= 0.
    """
    priced = priced_delays(knapsack, multipliers)
    least = np.minimum.reduceat(priced, knapsack.starts[:-1])
    rent = float(multipliers @ knapsack.storage_bytes)
    margin = rounding_share(least.size + 2 * multipliers.size) * (float(np.abs(least).sum()) + rent)
    return float(least.sum()) - rent - margin, priced - least[knapsack.block]
