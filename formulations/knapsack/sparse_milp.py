"""A mixed-integer linear program as plain sparse data, which every backend can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True, eq=False)
class SparseMilp:
    """min cost x subject to row_lower <= A x <= row_upper, 0 <= x <= upper.

    Parameters
    ----------
    cost, upper
        (c,) costs and upper bounds of the variables.
    integral
        (c,) which variables are integer.
    row_lower, row_upper
        (r,) sides of the rows, infinite where there is none.
    starts, index, value
        A by columns: entries ``starts[j]`` up to ``starts[j + 1]`` are rows and coefficients of column j.
    """

    cost: NDArray[np.float64]
    upper: NDArray[np.float64]
    integral: NDArray[np.bool_]
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    starts: NDArray[np.int32]
    index: NDArray[np.int32]
    value: NDArray[np.float64]

    __repr__ = short_repr

    @property
    def n_columns(self) -> int:
        """Number c of variables."""
        return int(self.cost.size)

    @property
    def n_rows(self) -> int:
        """Number r of constraints."""
        return int(self.row_lower.size)


@dataclass(frozen=True, eq=False)
class Rows:
    """A family of constraints: lower <= sum of value x[column] over its entries <= upper.

    Parameters
    ----------
    lower, upper
        (r,) sides.
    row, column, value
        (e,) entries; a pair of row and column occurs once at most.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.float64]

    __repr__ = short_repr


def assemble(
    cost: NDArray[np.float64],
    upper: NDArray[np.float64],
    integral: NDArray[np.bool_],
    families: Sequence[Rows],
) -> SparseMilp:
    """One program of all families of constraints, in their order; coefficients of zero are left out.

    Parameters
    ----------
    cost, upper, integral
        (c,) see :class:`SparseMilp`.
    families
        The constraints.
    """
    first = np.cumsum([0, *(family.lower.size for family in families)])
    row = np.concatenate([family.row + begin for family, begin in zip(families, first, strict=False)])
    column = np.concatenate([family.column for family in families])
    value = np.concatenate([family.value for family in families])
    order = np.lexsort((row, column))
    order = order[value[order] != 0.0]
    return SparseMilp(
        cost,
        upper,
        integral,
        np.concatenate([family.lower for family in families]),
        np.concatenate([family.upper for family in families]),
        np.searchsorted(column[order], np.arange(cost.size + 1)).astype(np.int32),
        row[order].astype(np.int32),
        value[order],
    )
