"""Plug-ins that break one rule of the contract each, and two that keep all of them."""

from __future__ import annotations

import itertools
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.bounds.lagrangian import LagrangianSolver
from fgamcd_opt.solvers.heuristics.greedy import GreedySolver
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason


class SoundHeuristic(GreedySolver):
    """Keeps every rule."""

    name = "sound-heuristic"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        return self.spoiled(super().solve(problem, context, options), problem, context)

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        """What the classes below change."""
        return outcome


class SoundBound(LagrangianSolver):
    """Keeps every rule; without a trace."""

    name = "sound-bound"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        return self.spoiled(super().solve(problem, context.untraced(), options), context)

    def spoiled(self, outcome: Outcome, context: SolveContext) -> Outcome:
        """What the classes below change."""
        return outcome


class WrongName(SoundHeuristic):
    breaks = "declares_what_it_is"
    says = "registered as 'wrong-name'"
    name = "another-name"


class NoSummary(SoundHeuristic):
    breaks, says = "declares_what_it_is", "is not one line of text"
    summary = ""


class FlagIsText(SoundHeuristic):
    breaks, says = "declares_what_it_is", "proves_bounds is 'no'"
    proves_bounds = "no"


class Useless(SoundHeuristic):
    breaks, says = "declares_what_it_is", "neither proves bounds nor finds solutions"
    finds_solutions = False


class NoRole(SoundHeuristic):
    breaks, says = "declares_what_it_is", "role is 'heuristic', not one of exact, bound"
    role = "heuristic"


class RoleOfABound(SoundHeuristic):
    breaks, says = "declares_what_it_is", "role is bound, but finds_solutions is True"
    role = Role.BOUND


class RoleOfAnExactSolver(SoundHeuristic):
    breaks, says = "declares_what_it_is", "role is exact, but it proves no bounds"
    role = Role.EXACT


class UnknownVariant(SoundHeuristic):
    breaks, says = "declares_what_it_is", "delivery=pigeon, which does not exist"
    variants: ClassVar = {"delivery": frozenset({"pigeon"})}


class DefaultAsVariant(SoundHeuristic):
    breaks, says = "declares_what_it_is", "the default csi=robust"
    variants: ClassVar = {"csi": frozenset({"robust"})}


class OptionWithoutText(SoundHeuristic):
    """Any text is a true bool."""

    breaks, says = "declares_what_it_is", "option quick: default False"
    options: ClassVar = {"rounds": 0, "quick": False}


class BackendsAsText(SoundHeuristic):
    breaks, says = "declares_what_it_is", "option_backends is 'highspy'"
    option_backends = "highspy"


class Missing(SoundHeuristic):
    """Lacks an attribute of the protocol."""

    breaks, says = "declares_what_it_is", "AttributeError"
    summary = property()


class GivesUp(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "no solution of the preset tiny"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return replace(outcome, decision=None)


class WithoutBound(SoundBound):
    breaks, says = "solves_the_smallest_preset", "no bound for the preset tiny"

    def spoiled(self, outcome: Outcome, context: SolveContext) -> Outcome:
        return replace(outcome, lower_bound_s=None, bound_kind=None)


class InventsALimit(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "it says time_limit"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return replace(outcome, stop_reason=StopReason.TIME_LIMIT)


class UndeclaredBound(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "declares that it proves none"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return replace(outcome, lower_bound_s=0.0, bound_kind="delays are positive")


class UndeclaredSolution(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "declares that it finds none"
    role, finds_solutions, proves_bounds = Role.BOUND, False, True


class TooLoud(SoundHeuristic):
    """Beams beyond the power budget."""

    breaks, says = "solves_the_smallest_preset", "power"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return _scaled(outcome, 2.0)


class BoundAboveOwnDelay(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "is above the delay"
    proves_bounds = True

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return replace(outcome, lower_bound_s=1e9, bound_kind="a claim")


class TracesAnotherDelay(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "it recorded a delay of 0.001 s, but returns"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        context.record(delay_s=0.001)
        return outcome


class TracesAnotherBound(SoundBound):
    breaks, says = "solves_the_smallest_preset", "it recorded a bound of 0.19 s, but returns"

    def spoiled(self, outcome: Outcome, context: SolveContext) -> Outcome:
        context.record(lower_bound_s=0.19)
        return replace(outcome, lower_bound_s=0.1)


class NumpyCounts(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "no JSON object"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return replace(outcome, counts={"moves": np.int64(3)})


class HalfACount(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "count moves is 0.5"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return replace(outcome, counts={"moves": 0.5})


class Crashes(SoundHeuristic):
    breaks, says = "solves_the_smallest_preset", "ZeroDivisionError"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        raise ZeroDivisionError("somewhere")


class Prints(SoundHeuristic):
    breaks, says = "is_quiet", "it prints 'here I am"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        print("here I am")
        return outcome


class LogsWhileItGetsReady(SoundHeuristic):
    breaks, says = "is_quiet", "prepare() logs ['loading']"

    def prepare(self) -> None:
        super().prepare()
        logging.getLogger("fgamcd_opt.mine").debug("loading")


class FalseBound(SoundBound):
    """Three times what it has proved."""

    breaks, says = "never_beats_enumeration", "but a solution has"

    def spoiled(self, outcome: Outcome, context: SolveContext) -> Outcome:
        return (
            outcome
            if outcome.lower_bound_s is None
            else replace(outcome, lower_bound_s=3.0 * outcome.lower_bound_s)
        )


class GivesUpAsInfeasible(SoundHeuristic):
    breaks, says = "never_beats_enumeration", "called infeasible, but a solution has"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility="too hard for me")


class DeafToStopping(SoundHeuristic):
    breaks, says = "stops_at_once_when_asked", "it says completed"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        return super().solve(problem, SolveContext(context.limits, context.seed), options)


class CrashesWhenInterrupted(SoundHeuristic):
    breaks, says = "stops_in_good_order", "RuntimeError: no time left"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        if context.must_stop:
            raise RuntimeError("no time left")
        return outcome


class GuessesWhenInterrupted(SoundBound):
    breaks, says = "stops_in_good_order", "but a solution has"

    def spoiled(self, outcome: Outcome, context: SolveContext) -> Outcome:
        if outcome.stop_reason is StopReason.INTERRUPTED and outcome.lower_bound_s is not None:
            return replace(outcome, lower_bound_s=1e9)
        return outcome


class LosesItsSolution(SoundHeuristic):
    breaks, says = "keeps_what_it_found", "returns no solution; the complete run found one"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return replace(outcome, decision=None) if context.must_stop else outcome


class LosesItsBound(SoundBound):
    breaks, says = "keeps_what_it_found", "returns no bound; the complete run proved one"

    def spoiled(self, outcome: Outcome, context: SolveContext) -> Outcome:
        return replace(outcome, lower_bound_s=None, bound_kind=None) if context.must_stop else outcome


class DeafToTime(SoundHeuristic):
    breaks, says = "honours_the_time_limit", "at a time limit of 1e-9 s it says completed"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        return super().solve(problem, SolveContext(seed=context.seed, stop=context.stop), options)


class IgnoresStorage(SoundHeuristic):
    breaks, says = "finds_nothing_where_nothing_is", "the checker rejects its solution: storage"

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        roomy = P1(problem.instance.replace(storage_bytes=np.full(problem.instance.n_nodes, 10**12)))
        return super().solve(roomy, context, options)


class SilentAboutInfeasibility(SoundBound):
    breaks, says = "finds_nothing_where_nothing_is", "not that nothing is feasible: caches too small in all"

    def spoiled(self, outcome: Outcome, context: SolveContext) -> Outcome:
        if outcome.stop_reason is StopReason.INFEASIBLE:
            return Outcome(stop_reason=StopReason.COMPLETED)
        return outcome


class NeverTheSame(SoundHeuristic):
    """A little less power from run to run."""

    breaks, says = "repeats_itself", "another result with the same seed and 1 thread"
    runs = itertools.count()

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return _scaled(outcome, 1.0 - 1e-9 * next(self.runs))


class DependsOnThreads(SoundHeuristic):
    breaks, says = "repeats_itself", "another result with the same seed and 2 thread"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return _scaled(outcome, 1.0 - 1e-9 * context.limits.threads)


class FailsAtItsVariant(SoundHeuristic):
    breaks, says = "solves_its_variants", "declares csi=nominal, but finds no solution"
    variants: ClassVar = {"csi": frozenset({"nominal"})}

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return replace(outcome, decision=None) if problem.variant.differences() else outcome


def _scaled(outcome: Outcome, factor: float) -> Outcome:
    """The same decision with all beams scaled."""
    if outcome.decision is None:
        return outcome
    point = outcome.decision
    return replace(outcome, decision=Decision(point.caching, point.migration, factor * point.beams))


class Deadly(SoundHeuristic):
    """Ends its process, or tries to; only a process of its own keeps the others alive."""

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        self.end()
        raise AssertionError("unreachable")


class ExitsInGoodCheer(Deadly):
    says = "exit(0)", "SystemExit: 0"

    def end(self) -> None:
        sys.exit(0)


class PressesCtrlC(Deadly):
    says = ("KeyboardInterrupt",)

    def end(self) -> None:
        raise KeyboardInterrupt


class Vanishes(Deadly):
    says = ("ended its process by exit code 0",)

    def end(self) -> None:
        os._exit(0)


class KillsItself(Deadly):
    says = ("ended its process by SIGKILL",)

    def end(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class LeavesAChild(Deadly):
    """Which holds all open files."""

    says = ("ended its process by exit code 3",)

    def end(self) -> None:
        if os.fork() == 0:
            time.sleep(3600.0)
        os._exit(3)


class ReturnsNothing(SoundHeuristic):
    says = "None", "NoneType"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return None


class ReturnsNaN(SoundHeuristic):
    says = "nan", "finite"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        return _scaled(outcome, np.nan)


class ReturnsAnotherShape(SoundHeuristic):
    says = ("shape",)

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        point = outcome.decision
        return replace(outcome, decision=Decision(point.caching, point.migration[:1], point.beams))


class Unlicensed(SoundHeuristic):
    """Which is no fault of the solver."""

    name = "unlicensed"

    def spoiled(self, outcome: Outcome, problem: P1, context: SolveContext) -> Outcome:
        raise BackendError("the licence allows 3 variables")


BROKEN = [kind for kind in list(globals().values()) if isinstance(kind, type) and hasattr(kind, "breaks")]

DEADLY = [
    kind
    for kind in list(globals().values())
    if isinstance(kind, type) and hasattr(kind, "says") and kind not in BROKEN
]


def registered_name(kind: type) -> str:
    """WrongName is registered as wrong-name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


for _kind in (*BROKEN, *DEADLY):
    _kind.name = _kind.__dict__.get("name", registered_name(_kind))
