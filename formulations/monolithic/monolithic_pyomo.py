"""P1 handed on as one Pyomo model: the monolithic program of section 3, for any solver that Pyomo drives."""

from __future__ import annotations

from typing import Any

from fgamcd_opt.formulations.knapsack.storage_rows import EXACT_SUM
from fgamcd_opt.formulations.monolithic.monolithic_model import (
    MONOLITHIC,
    build_monolithic,
    scaled_blocks,
    time_unit_s,
)
from fgamcd_opt.io.errors import InfeasibleError, UnsupportedVariantError
from fgamcd_opt.io.optional import require_extra
from fgamcd_opt.problem.p1 import P1


def to_pyomo(problem: P1) -> Any:
    """P1 as a mixed-integer nonlinear program of your own; nothing in it rests on the facts F3 to F7.

    Block ``pb[r]`` holds the r-th requested block, in units that bring all numbers near 1: ``a[n]`` caching and
    ``b[n, m]`` migration (9c), ``lam[n]`` participation (3), ``re[i]`` and ``im[i]`` the coordinates of the beams in
    units of sqrt(P_n) (F2), ``x[u]``, ``y[u]``, ``s[u]`` the received signal and ``q[u]`` what an error takes from it
    (F1), ``A`` the least amplitude, ``rate`` and ``t`` the rate (6) and the time of the broadcast (8), ``M`` the
    migration (8). The builders in :mod:`fgamcd_opt.formulations.monolithic.monolithic_model` and ``monolithic_beams``
    have the equations, one function per constraint family. ``storage`` (1) is in whole bytes or what the sizes have in
    common, with half a unit to spare.

    Parameters
    ----------
    problem
        P1, with or without a limit on the senders.

    Returns
    -------
        ``pyomo.environ.ConcreteModel``: minimise ``T`` (7) in units of the parameter ``time_unit_s``, in s. After a
        solve ``decision_of_model(model, problem, scaled_blocks(problem))`` reads the decision, which the checker
        judges.

    Raises
    ------
    UnsupportedVariantError
        Another variant of P1; says why it has no such model.
    InfeasibleError
        P1 is proved to have no feasible point.
    BackendError
        Pyomo is not installed.
    """
    _refuse_unwritten(problem)
    reason = problem.infeasibility_reason()
    if reason:
        raise InfeasibleError(f"{problem.instance.name}: {reason}")
    require_extra("scip", "a Pyomo model", "pyomo")
    import pyomo.environ as pyo

    blocks = scaled_blocks(problem)
    model = build_monolithic(problem, blocks, EXACT_SUM)
    model.time_unit_s = pyo.Param(initialize=time_unit_s(blocks))
    return model


def _refuse_unwritten(problem: P1) -> None:
    """Raise `UnsupportedVariantError` for a variant that no builder writes."""
    written = {family.field for family in MONOLITHIC.builders}
    for field, value in problem.variant.differences().items():
        if field not in written:
            refused = (reason for family, reason in MONOLITHIC.refused.items() if family.field == field)
            reason = next(refused, "the model is written for robust beams, and every block reaches its users")
            raise UnsupportedVariantError(f"a monolithic model cannot have {field}={value}: {reason}")
