"""SCIP for Pyomo models with a complete start, progress and interruption; on Pyomo's interface to PySCIPOpt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyscipopt
from pyomo.contrib.solver.solvers.scip.scip_direct import ScipDirect

Watch = Callable[[float, float, int], bool]
"""Called now and then with (objective, bound, nodes) of the solver; False stops it."""


class _Watcher(pyscipopt.Eventhdlr):  # type: ignore[misc]
    """Calls the watch after every LP."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def eventinit(self) -> None:
        self.model.catchEvent(pyscipopt.SCIP_EVENTTYPE.LPEVENT, self)

    def eventexit(self) -> None:
        self.model.dropEvent(pyscipopt.SCIP_EVENTTYPE.LPEVENT, self)

    def eventexec(self, event: Any) -> None:
        model = self.model
        if not self.watch(model.getPrimalbound(), model.getDualbound(), model.getNTotalNodes()):
            model.interruptSolve()


class WatchedScip(ScipDirect):  # type: ignore[misc]
    """Pyomo's SCIP, watched; its start holds the values of all variables, not of the integers alone.

    Parameters
    ----------
    watch
        Called after every LP.
    start
        Whether the values of the variables are a start.
    """

    def __init__(self, watch: Watch, start: bool) -> None:
        super().__init__()
        self._watch, self._start = watch, start

    def _mipstart(self) -> None:
        scip = self._solver_model
        scip.setParam("misc/catchctrlc", False)
        scip.includeEventhdlr(_Watcher(self._watch), "watch", "progress and interruption")
        if self._start:
            solution = scip.createSol()
            for variable, column in self._pyomo_var_to_solver_var_map.items():
                solution[column] = variable.value
            solution[self._obj_var] = self._objective.expr()
            scip.addSol(solution)
