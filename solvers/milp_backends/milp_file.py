"""The knapsack of F5 as the text of an MPS or LP file; HiGHS writes it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fgamcd_opt.formulations.knapsack.knapsack_milp import KnapsackMilp
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.solvers.milp_backends.highs import load_highs
from fgamcd_opt.solving.context import SolveContext


def milp_text(milp: KnapsackMilp, suffix: str) -> bytes:
    """The program of ``milp.matrix`` with the names of ``milp``.

    Parameters
    ----------
    milp
        The program.
    suffix
        ``.mps`` (free format) or ``.lp``.

    Raises
    ------
    InputError
        HiGHS cannot write to the folder for temporary files.
    """
    solver = load_highs(milp.matrix, SolveContext())
    for column, name in enumerate(milp.column_names()):
        solver.passColName(column, name)
    for row, name in enumerate(milp.row_names()):
        solver.passRowName(row, name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model{suffix}")
        if solver.writeModel(str(path)).name == "kError":
            raise InputError(f"{path}: cannot be written by HiGHS; is the disk full?")
        return path.read_bytes()
