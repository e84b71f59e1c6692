"""Tests for solvers of other packages: the contract that every registered solver keeps.

``python -m fgamcd_opt.testing NAME`` checks a solver from the command line, :func:`check_solver` from Python.
"""

from __future__ import annotations

from fgamcd_opt.testing.solver_contract import RULES, ContractError, SolverUnderTest, check_rule, check_solver

__all__ = ["RULES", "ContractError", "SolverUnderTest", "check_rule", "check_solver"]
