"""The knapsack of F5 as a Pyomo model, for any solver that Pyomo drives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from fgamcd_opt.formulations.knapsack.knapsack_matrix import KnapsackMatrix


def knapsack_model(matrix: KnapsackMatrix) -> Any:
    """A ``pyomo.environ.ConcreteModel`` with binary variables ``x[0..c-1]``, in the units of ``matrix``.

    Parameters
    ----------
    matrix
        Rows and columns of the knapsack.
    """
    import pyomo.environ as pyo

    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(matrix.n_columns), domain=pyo.Binary)
    model.total_delay = pyo.Objective(expr=_combination(model.x, range(matrix.n_columns), matrix.cost))
    _choice(model, matrix)
    _storage(model, matrix)
    return model


def _choice(model: Any, matrix: KnapsackMatrix) -> None:
    """sum_C x_{k,C} = 1 for every requested block k."""
    import pyomo.environ as pyo

    rows = _rows(matrix)
    model.choice = pyo.Constraint(
        range(matrix.n_blocks), rule=lambda _, k: _combination(model.x, *rows[k]) == 1.0
    )


def _storage(model: Any, matrix: KnapsackMatrix) -> None:
    """(1): the rows of storage that some column uses, see :class:`KnapsackMatrix`."""
    import pyomo.environ as pyo

    rows = _rows(matrix)[matrix.n_blocks :]
    used = [n for n, (columns, _) in enumerate(rows) if len(columns)]
    model.storage = pyo.Constraint(
        used, rule=lambda _, n: _combination(model.x, *rows[n]) <= float(matrix.capacity[n])
    )


def _rows(matrix: KnapsackMatrix) -> list[tuple[list[int], np.ndarray[Any, Any]]]:
    """Columns and coefficients of every row."""
    column = np.repeat(np.arange(matrix.n_columns), np.diff(matrix.starts))
    order = np.argsort(matrix.index, kind="stable")
    ends = np.searchsorted(matrix.index[order], np.arange(matrix.n_rows + 1))
    pieces = [order[begin:end] for begin, end in pairwise(ends)]
    return [(column[piece].tolist(), matrix.value[piece]) for piece in pieces]


def _combination(variables: Any, columns: Any, coefficients: np.ndarray[Any, Any]) -> Any:
    """sum_j coefficient_j x_j as a linear expression."""
    from pyomo.core.expr import LinearExpression

    return LinearExpression(
        linear_vars=[variables[j] for j in columns], linear_coefs=coefficients.tolist(), constant=0.0
    )
