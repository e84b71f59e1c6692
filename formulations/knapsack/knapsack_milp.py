"""P1 handed on as a mixed-integer linear program: the knapsack of F5 at given rates, with names for its columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.configuration_delays import caching_units
from fgamcd_opt.formulations.knapsack.knapsack_matrix import KnapsackMatrix, knapsack_matrix, rows_of
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.formulations.knapsack.storage_rows import EXACT_SUM
from fgamcd_opt.io.errors import InfeasibleError, InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Granularity


@dataclass(frozen=True, eq=False)
class KnapsackMilp:
    """The knapsack of F5: one binary x_{k,C} per block k and caching set C that no subset of C matches.

        minimise    sum_k sum_C T_k(C) x_{k,C}
        subject to  sum_C x_{k,C} = 1                               for every requested block k
                    sum_k sum_{C with n in C} D_k x_{k,C} <= Q_n    for every node n                  (1)

    With ``granularity=model`` a block stands for a whole model.

    Parameters
    ----------
    knapsack
        The columns in SI units: row of the block, caching set C as a bit mask, T_k(C) in s; sizes and storage in bytes.
    matrix
        The program itself, by columns: costs are T_k(C) times ``matrix.per_second`` (a power of ten that brings them
        near 10), loads are exact multiples of bytes, ``matrix.per_byte`` (N,) of them per byte. First come the R rows
        that choose a column per block, then the N rows of storage, whose right sides have half a unit to spare.
    units
        (R,) block of ``problem.data``, or model with ``granularity=model``, of every row that chooses.
    kind
        ``block`` or ``model``.
    """

    knapsack: Knapsack
    matrix: KnapsackMatrix
    units: NDArray[np.int64]
    kind: str

    __repr__ = short_repr

    def column_names(self) -> list[str]:
        """Such as ``x_block42_n0_n3``: nodes 0 and 3 cache block 42; ``x_block42_cloud`` if none does."""
        names = [f"{self.kind}{unit}" for unit in self.units.tolist()]
        sets = [
            "".join(f"_n{node}" for node in np.flatnonzero(held)) or "_cloud"
            for held in self.knapsack.membership()
        ]
        return [f"x_{names[row]}{held}" for row, held in zip(self.knapsack.block.tolist(), sets, strict=True)]

    def row_names(self) -> list[str]:
        """``choose_block42`` for every block, then ``storage_n0`` for every node."""
        nodes = range(self.knapsack.storage_bytes.size)
        return [*(f"choose_{self.kind}{unit}" for unit in self.units), *(f"storage_n{n}" for n in nodes)]


def to_milp(problem: P1, rate_bps: NDArray[np.float64]) -> KnapsackMilp:
    """P1 at given rates as a mixed-integer linear program.

    Parameters
    ----------
    problem
        P1 or a variant.
    rate_bps
        (T, 2^N) rates of the transmissions by bit mask of S in bit/s, 0 where S cannot serve its users. With
        ``RateOracle(problem).lower_bps()``, the rates of known beams, every feasible choice is a placement of P1 with
        that delay (unless ``csi=nominal``); with ``upper_bps()``, proved bounds, the optimum is a lower bound on the
        delay of P1 (F7).

    Returns
    -------
    KnapsackMilp
        Sizes are whole bytes (or multiples of what all sizes have in common) without rounding, so that a solver's
        tolerance may let a few bytes too much pass; the checker does not.

    Raises
    ------
    InputError
        The rates have another shape, or one is negative or no number.
    InfeasibleError
        At these rates no caching set that fits delivers some block.
    """
    shape = (problem.transmissions.block.size, 1 << problem.data.n_nodes)
    if rate_bps.shape != shape:
        raise InputError(
            f"rate_bps: has shape {rate_bps.shape}; expected {shape}, transmissions and node sets"
        )
    if not (rate_bps >= 0.0).all():
        raise InputError("rate_bps: holds a rate that is negative or no number")
    knapsack = build_knapsack(problem, rate_bps)
    blocks = problem.data.requested_blocks[np.unique(caching_units(problem), return_index=True)[1]]
    whole = problem.variant.granularity is Granularity.MODEL
    milp_units = problem.data.model_blocks[:, blocks].argmax(axis=0) if whole else blocks
    kind = str(problem.variant.granularity)
    without = np.setdiff1d(np.arange(knapsack.n_blocks), knapsack.block)
    if without.size:
        raise InfeasibleError(
            f"{kind} {milp_units[without[0]]}: no caching set fits into the storage (eq. 1) "
            "and delivers it at these rates"
        )
    return KnapsackMilp(knapsack, knapsack_matrix(knapsack, rows_of(knapsack, EXACT_SUM)), milp_units, kind)
