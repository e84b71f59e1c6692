"""Tests for solvers and MILP backends of other packages: the contracts that every registered one keeps.

``python -m fgamcd_opt.testing NAME`` checks a solver from the command line, :func:`check_solver` from Python; with
``--milp-backend`` it checks a MILP backend.
"""

from __future__ import annotations

from fgamcd_opt.testing.milp_contract import MILP_RULES, MilpBackendUnderTest, check_milp_rule
from fgamcd_opt.testing.solver_contract import RULES, ContractError, SolverUnderTest, check_rule, check_solver

__all__ = [
    "MILP_RULES",
    "RULES",
    "ContractError",
    "MilpBackendUnderTest",
    "SolverUnderTest",
    "check_milp_rule",
    "check_rule",
    "check_solver",
]
