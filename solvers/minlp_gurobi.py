"""Gurobi for Pyomo models with a complete start, progress, interruption, and a check of the licence's size limits."""

from __future__ import annotations

from typing import Any

import gurobipy
from pyomo.contrib.solver.common.base import Availability
from pyomo.contrib.solver.solvers.gurobi.gurobi_direct_minlp import GurobiDirectMINLP

from fgamcd_opt.errors import BackendError
from fgamcd_opt.solvers.minlp_scip import Watch

_FREE_SIZE = 2000
"""Variables, and linear constraints, up to which the licence that comes with gurobipy solves linear models."""

_FREE_NONLINEAR = 200
"""Variables up to which it solves nonlinear models; an auxiliary one is added for every nonlinear function."""


class WatchedGurobi(GurobiDirectMINLP):  # type: ignore[misc]
    """Pyomo's Gurobi, watched; its start holds the values of all variables, not of the integers alone.

    Parameters
    ----------
    watch
        Called from Gurobi's callback.
    start
        Whether the values of the variables are a start.

    Raises
    ------
    BackendError
        From ``solve``, before Gurobi starts, if the licence is missing or too small for the model.
    """

    def __init__(self, watch: Watch, start: bool) -> None:
        super().__init__()
        self._start = start

        def callback(model: Any, where: int) -> None:
            if where == gurobipy.GRB.Callback.MIP:
                self._last = (
                    model.cbGet(gurobipy.GRB.Callback.MIP_OBJBST),
                    model.cbGet(gurobipy.GRB.Callback.MIP_OBJBND),
                    int(model.cbGet(gurobipy.GRB.Callback.MIP_NODCNT)),
                )
            if not watch(*self._last):
                model.terminate()

        self._last: tuple[float, float, int] = (gurobipy.GRB.INFINITY, -gurobipy.GRB.INFINITY, 0)
        self._callback = callback

    def _create_solver_model(self, pyomo_model: Any, config: Any) -> Any:
        licence = self.available()
        if licence not in (Availability.FullLicense, Availability.LimitedLicense):
            raise BackendError(
                f"gurobi cannot be used ({licence.name}); install a licence, or choose backend=scip"
            )
        created = super()._create_solver_model(pyomo_model, config)
        if licence is Availability.LimitedLicense:
            _refuse_larger_than_free(created[0])
        return created

    def _mipstart(self) -> None:
        if self._start:
            for variable, column in self._pyomo_gurobi_var_iter():
                column.Start = variable.value


def _refuse_larger_than_free(model: Any) -> None:
    sizes = {
        "variables of a nonlinear model": (model.NumVars, _FREE_NONLINEAR),
        "linear constraints": (model.NumConstrs, _FREE_SIZE),
    }
    for what, (size, limit) in sizes.items():
        if size > limit:
            raise BackendError(
                f"gurobi: the model has {size} {what}, the free licence ends at {limit}; "
                "install a full licence (gurobi.lic), choose backend=scip, or take a smaller instance"
            )
