"""Gurobi for Pyomo models with a complete start, progress, interruption, and a check of the licence's size limits."""

from __future__ import annotations

from typing import Any

import gurobipy
from pyomo.contrib.solver.solvers.gurobi.gurobi_direct_minlp import GurobiDirectMINLP

from fgamcd_opt.io.licences import require_gurobi
from fgamcd_opt.solvers.minlp.minlp_scip import Watch


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
        From ``solve``, before Gurobi starts, if its licence is too small for the model.
    """

    def __init__(self, watch: Watch, start: bool) -> None:
        super().__init__()
        self._start = start
        self._last: tuple[float, float, int] = (gurobipy.GRB.INFINITY, -gurobipy.GRB.INFINITY, 0)

        def callback(model: Any, where: int) -> None:
            if where == gurobipy.GRB.Callback.MIP:
                self._last = (
                    model.cbGet(gurobipy.GRB.Callback.MIP_OBJBST),
                    model.cbGet(gurobipy.GRB.Callback.MIP_OBJBND),
                    int(model.cbGet(gurobipy.GRB.Callback.MIP_NODCNT)),
                )
            if not watch(*self._last):
                model.terminate()

        self._callback = callback

    def _create_solver_model(self, pyomo_model: Any, config: Any) -> Any:
        created = super()._create_solver_model(pyomo_model, config)
        require_gurobi(created[0].NumVars, created[0].NumConstrs, nonlinear=True)
        return created

    def _mipstart(self) -> None:
        if self._start:
            for variable, column in self._pyomo_gurobi_var_iter():
                column.Start = variable.value
