"""A Pyomo model as the text of an NL file, the format of AMPL's solvers."""

from __future__ import annotations

import io
from typing import Any


def nl_text(model: Any) -> tuple[str, int, int]:
    """The text of the file, and its numbers of variables and constraints; comments hold the model's names.

    Parameters
    ----------
    model
        ``pyomo.environ.ConcreteModel``.
    """
    from pyomo.repn.plugins.nl_writer import NLWriter

    text = io.StringIO()
    written = NLWriter().write(model, text, io.StringIO(), io.StringIO(), symbolic_solver_labels=True)
    return text.getvalue(), len(written.variables), len(written.constraints)
