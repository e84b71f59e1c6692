"""Rivals that change a declaration of P1: they take a problem, solve another variant of it, and say which."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import EVERY_VARIANT, BaseSolver
from fgamcd_opt.solvers.exact.exact import ExactSolver
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role


def impose(problem: P1, **fields: object) -> P1:
    """The same instance with some variant fields replaced."""
    return P1(problem.instance, dataclasses.replace(problem.variant, **fields))  # type: ignore[arg-type]


def supported_besides(*imposed: str) -> dict[str, frozenset[str]]:
    """Variant fields that a user may still choose when a solver imposes some of them."""
    return {field: values for field, values in EVERY_VARIANT.items() if field not in imposed}


class ExactVariantSolver(BaseSolver):
    """A variant solved like P1 itself by `exact`: the best that the rival's rules allow, with a proved bound on it."""

    role: ClassVar[Role] = Role.RIVAL
    proves_bounds: ClassVar[bool] = True
    finds_solutions: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Any]] = ExactSolver.options
    option_backends: ClassVar[tuple[str, ...]] = ExactSolver.option_backends
    imposes: ClassVar[Mapping[str, object]]
    """Variant fields with the values that the solver sets."""

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve the variant; the bound is one on the variant.

        Parameters
        ----------
        problem
            P1; the imposed fields have their defaults.
        context
            Limits, seed, clock.
        options
            Those of ``exact``.
        """
        variant = impose(problem, **self.imposes)
        return dataclasses.replace(ExactSolver().solve(variant, context, options), variant=variant.variant)
