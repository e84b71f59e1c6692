"""What the core prices caching sets by: the cheapest (C, S) of one block for given rents of storage (`cheapest_set`).

For one block and rents p_n = lambda_n / 8 (s per bit) all costs scale with D_k, so per bit it is

    min over C, S containing C of  max_{m in S \\ C} min_{n in C} 1 / R_{n,m,k}  +  1 / rho(S)  +  sum_{n in C} p_n.

The delay T(C) (the first two terms, S at its best) falls when C grows and the rent rises. So with nodes decided one
by one, rent(chosen) + T(chosen and undecided) is a lower bound on everything below, and few of the 2^N sets are
ever looked at. Within T(C) rates only rise with S (F4): for every slowest link that is accepted the largest S is best.

Rates are proved bounds, made when a set is first asked for and kept in a table whose untouched pages cost nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.short_repr import short_repr


class PricingData(NamedTuple):
    """What pricing reads of one block.

    Attributes
    ----------
    table
        (2^N,) 1 / rate bound in s per bit by bit mask; 0 where it was not asked for yet, infinite where S is proved
        unable to serve. Filled by :mod:`fgamcd_opt.core`.
    applied
        (2^N,) pieces of evidence that are worked into ``table`` already.
    bandwidth_hz
        B.
    link
        (N, N) 1 / R in s per bit, infinite without a link.
    gram, radius2, error_code
        The reduced broadcast.
    floors
        (m,) amplitudes below which the checker rejects a beam.
    evidence_mask, parts, y, mu
        (E,), (E, N, m, m), (E, m), (E, N) proofs of F6 for sets solved so far, as
        :func:`fgamcd_opt.beamforming.subset_bounds.whitened` makes them.
    """

    table: NDArray[np.float64]
    applied: NDArray[np.int32]
    bandwidth_hz: float
    link: NDArray[np.float64]
    gram: NDArray[np.complex128]
    radius2: NDArray[np.float64]
    error_code: bool
    floors: NDArray[np.float64]
    evidence_mask: NDArray[np.int64]
    parts: NDArray[np.complex128]
    y: NDArray[np.float64]
    mu: NDArray[np.float64]

    def __repr__(self) -> str:
        return short_repr(self)
