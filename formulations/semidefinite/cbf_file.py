"""A cvxpy problem as text in the Conic Benchmark Format, version 1: linear constraints and semidefinite ones."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_COMPILED_FOR = "CLARABEL"
"""Solver whose standard form is written: cvxpy always brings it, and its semidefinite cones are upper triangles."""


def cbf_text(problem: Any) -> tuple[str, int, int]:
    """The text of the file, and its numbers of variables and constraints.

    The problem is a semidefinite program that maximises a linear function without a constant.

    cvxpy compiles it to min c x subject to b - A x in K. In the file all variables are free, the rows of K that are
    numbers are ``CON``, and its semidefinite matrices ``PSDCON``; a Hermitian matrix has become a real one of twice
    the side.

    Parameters
    ----------
    problem
        ``cvxpy.Problem``; all parameters have values.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # cvxpy's own 1 x 1 parameters
        data, _, _ = problem.get_problem_data(_COMPILED_FOR)
    cost, rows, side, cones = data["c"], data["A"].tocoo(), data["b"], data["dims"]
    linear = cones.zero + cones.nonneg
    matrix, row, column, factor = _triangles(cones.psd)
    upper = rows.row < linear
    entry = rows.row[~upper] - linear  # of the semidefinite matrices, by its place in the triangles
    paid, moved, constant = (np.flatnonzero(vector) for vector in (cost, side[:linear], side[linear:]))
    kinds = [f"{name} {count}" for name, count in (("L=", cones.zero), ("L+", cones.nonneg)) if count]
    text = "\n".join(
        [
            "VER\n1\n",
            "OBJSENSE\nMAX\n",
            f"VAR\n{cost.size} 1\nF {cost.size}\n",
            "\n".join(["PSDCON", str(len(cones.psd)), *map(str, cones.psd), ""]),
            "\n".join(["CON", f"{linear} {len(kinds)}", *kinds, ""]),
            _section("OBJACOORD", -cost[paid], paid),
            _section("ACOORD", -rows.data[upper], rows.row[upper], rows.col[upper]),
            _section("BCOORD", side[moved], moved),
            _section(
                "HCOORD",
                -rows.data[~upper] * factor[entry],
                matrix[entry],
                rows.col[~upper],
                row[entry],
                column[entry],
            ),
            _section(
                "DCOORD",
                side[linear:][constant] * factor[constant],
                matrix[constant],
                row[constant],
                column[constant],
            ),
        ]
    )
    return text, cost.size, linear + len(cones.psd)


def _triangles(sides: Sequence[int]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    """Matrix, row and column <= row of every entry of the semidefinite cones, and what it is multiplied by.

    The cones hold upper triangles column by column, that is lower ones row by row, off the diagonal times sqrt(2).
    """
    matrix = np.repeat(np.arange(len(sides)), [n * (n + 1) // 2 for n in sides])
    row, column = np.concatenate([np.tril_indices(n) for n in sides], axis=1)
    return matrix, row, column, np.where(row == column, 1.0, math.sqrt(0.5))


def _section(keyword: str, values: NDArray[np.float64], *indices: NDArray[Any]) -> str:
    """A keyword, the number of lines, and a line of indices and value each; nothing where there are none."""
    if not values.size:
        return ""
    lines = [
        " ".join(map(repr, entry))
        for entry in zip(*(index.tolist() for index in indices), values.tolist(), strict=True)
    ]
    return "\n".join([keyword, str(len(lines)), *lines, ""])
