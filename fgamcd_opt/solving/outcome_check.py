"""What a solver returned, checked before anything is made of it: its types, its numbers, its claims about itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fgamcd_opt.io.errors import InputError, SolverError
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.evaluation import Evaluation
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.tolerances import CLAIM_TOLERANCE
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.solver import Outcome
from fgamcd_opt.solving.status import StopReason

_QUOTED = 200
"""Characters of a value that a message quotes at most."""


def require_outcome(outcome: object, solver: str, n_nodes: int) -> Outcome:
    """The outcome of a solver, with bounds as plain floats.

    Parameters
    ----------
    outcome
        Whatever ``solve`` returned.
    solver
        Its name.
    n_nodes
        Number of nodes, for the multipliers.

    Raises
    ------
    SolverError
        Naming the solver and the first thing that is not as :class:`Outcome` says.
    """
    if not isinstance(outcome, Outcome):
        raise SolverError(f"solver {solver} returned {_quoted(outcome)}, not an Outcome")
    kinds: dict[str, tuple[type, ...]] = {
        "stop_reason": (StopReason,),
        "decision": (Decision, type(None)),
        "bound_kind": (str, type(None)),
        "multipliers": (np.ndarray, type(None)),
        "infeasibility": (str, type(None)),
        "counts": (Mapping,),
        "message": (str,),
        "variant": (Variant, type(None)),
    }
    for field, allowed in kinds.items():
        value = getattr(outcome, field)
        if not isinstance(value, allowed):
            names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in allowed)
            raise SolverError(f"solver {solver} returned {field} {_quoted(value)}; expected {names}")
    for field in ("lower_bound_s", "combinatorial_bound_s"):
        _require_finite(solver, field, getattr(outcome, field))
    if (outcome.lower_bound_s is None) != (not outcome.bound_kind):
        raise SolverError(
            f"solver {solver} returned bound {outcome.lower_bound_s} s of kind {_quoted(outcome.bound_kind)}; "
            "a bound has a kind, and a kind a bound"
        )
    if (outcome.stop_reason is StopReason.INFEASIBLE) != bool(outcome.infeasibility):
        raise SolverError(
            f"solver {solver} stopped: {outcome.stop_reason}, with the proof of infeasibility "
            f"{_quoted(outcome.infeasibility)}; one goes with the other"
        )
    prices = outcome.multipliers
    if prices is not None and not (
        prices.shape == (n_nodes,) and prices.dtype.kind in "fiu" and np.isfinite(prices).all()
    ):
        raise SolverError(
            f"solver {solver} returned multipliers {_quoted(prices)}; expected {n_nodes} finite numbers"
        )
    return outcome


def evaluated(problem: P1, decision: Decision, solver: str) -> Evaluation:
    """The decision of a solver as the problem sees it.

    Raises
    ------
    SolverError
        The decision does not fit the problem.
    """
    try:
        return problem.evaluate(decision)
    except InputError as error:
        raise SolverError(f"solver {solver} returned a decision for another problem: {error}") from error


def require_consistent(outcome: Outcome, evaluation: Evaluation, solver: str) -> None:
    """Refuse claims that the solver's own point refutes.

    Parameters
    ----------
    outcome
        With a decision.
    evaluation
        Of that decision.
    solver
        Name of the solver.

    Raises
    ------
    SolverError
        A bound above the delay of a point that breaks no constraint, or a point beside a proof that there is none.
    """
    if outcome.stop_reason is StopReason.INFEASIBLE:
        found = (
            f"of {evaluation.delay_s!r} s that holds" if evaluation.feasible else "that the checker rejects"
        )
        raise SolverError(
            f"solver {solver} claims that no point exists ({_quoted(outcome.infeasibility)}), but returned one {found}"
        )
    if not evaluation.feasible:
        return
    for field in ("lower_bound_s", "combinatorial_bound_s"):
        bound = getattr(outcome, field)
        if bound is not None and bound > evaluation.delay_s * (1.0 + CLAIM_TOLERANCE):
            raise SolverError(
                f"solver {solver} claims {field} {float(bound)!r} s, which is above the delay {evaluation.delay_s!r} s "
                "of its own verified point: nothing that it claims is accepted"
            )


def _require_finite(solver: str, field: str, value: Any) -> None:
    if value is None:
        return
    number = isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise SolverError(
            f"solver {solver} returned {field} {_quoted(value)}; expected a finite number or None"
        )


def _quoted(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."
