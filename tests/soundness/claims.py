"""What solvers claim about one instance, held against points that the enumeration of `points` finds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from points import Enumeration, Point, rates, well_known

import fgamcd_opt
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import BackendError, FgamcdError, UsageError
from fgamcd_opt.io.licences import state
from fgamcd_opt.io.optional import Availability
from fgamcd_opt.problem.checker import verify
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.problem.variants import Csi, Variant
from fgamcd_opt.solvers.milp_backends.registry import MILP_BACKENDS
from fgamcd_opt.solving.front_door import solve, supports
from fgamcd_opt.solving.registry import get_solver, require_backends, solver_names
from fgamcd_opt.solving.result import Result
from fgamcd_opt.solving.status import PointStatus, Status, StopReason

ROUNDING = 1e-9
"""Relative difference between a bound and a delay that is put down to rounding."""

GAP = 1e-3
"""Gap asked of the solvers: that of the command line."""

TURNS = 5
"""Instances after which every setting has had its turn."""

ANSWERS = ("exact", "compact", "column-generation", "minlp")
"""Solvers that look for points of P1 itself wherever there are any: "nothing found" is wrong where a point verifies."""

VARIANTS: tuple[Mapping[str, str], ...] = (
    {},
    {"granularity": "model"},
    {"delivery": "unicast_tdma"},
    {"delivery": "hybrid(1)"},
    {"delivery": "local_broadcast"},
    {"cooperation": "false"},
    {"cooperation": "false", "delivery": "local_broadcast"},
    {"csi": "nominal"},
    {"unserved": "cloud(1e8)"},
    {"unserved": "cloud(1e8)", "granularity": "model", "delivery": "local_broadcast"},
)
"""Variants of P1 that are tried."""


@dataclass(frozen=True)
class Setting:
    """A solver with its options and the variant that it is given."""

    solver: str
    options: Mapping[str, Any] = field(default_factory=dict)
    variant: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [f"--solver {self.solver}"]
        words += [f"--option {name}={value}" for name, value in self.options.items()]
        words += [f"--variant '{name}={value}'" for name, value in self.variant.items()]
        return " ".join(words)


@dataclass(frozen=True)
class Finding:
    """One false claim: of which setting, of what kind, in words."""

    setting: Setting
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.setting}: {self.text}"


@dataclass
class Report:
    """What one instance showed."""

    findings: list[Finding]
    best: Point | None
    """Best point of P1 itself, or None."""
    solved: int
    """Solves that ended with a result."""
    refused: int
    """Solves that the package refused, as too large or for want of a backend."""


def usable_backends() -> list[str]:
    """MILP backends that can be used here, those with a limited licence included."""
    return [
        name
        for name, backend in MILP_BACKENDS.items()
        if all(
            state(need).availability in (Availability.FULL, Availability.LIMITED) for need in backend.needs
        )
    ]


@cache
def all_settings() -> tuple[Setting, ...]:
    """Every registered solver, every backend of those that have several, every variant that a solver supports."""
    return tuple(_every_setting())


def _every_setting() -> Iterator[Setting]:
    for name in solver_names():
        solver = get_solver(name)
        try:
            require_backends(solver)
        except BackendError:
            continue
        yield Setting(name)
        yield from (Setting(name, options) for options in _other_options(name, solver.options))
        for fields in VARIANTS[1:]:
            variant = Variant.parse(fields)
            if all(supports(solver, field, value) for field, value in variant.differences().items()):
                yield Setting(name, {}, fields)


def _other_options(name: str, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Options beside the defaults that change what a solver's proofs rest on."""
    if name == "minlp":
        if state("gurobipy").availability in (Availability.FULL, Availability.LIMITED):
            yield {"backend": "gurobi"}
    elif "backend" in options and options["backend"] in MILP_BACKENDS:
        yield from ({"backend": other} for other in usable_backends() if other != options["backend"])
    if name == "exact":
        yield {"max_nodes": 200}
        yield {"rounds": 0, "passes": 1}
        yield {"rates": "demand"}
        yield {"rates": "demand", "rounds": 0, "passes": 1, "iterations": 1}
    if name == "sdr" and state("clarabel").availability is Availability.FULL:
        yield {"backend": "clarabel"}


def some_settings(turn: int) -> list[Setting]:
    """All on P1 itself; of the variants, and of the backends beside ``exact``, one of every :data:`TURNS`."""
    chosen, others = [], 0
    for setting in all_settings():
        if setting.variant or (setting.options and setting.solver not in ("exact", "minlp", "sdr")):
            others += 1
            if (others + turn) % TURNS:
                continue
        chosen.append(setting)
    return chosen


class Trial:
    """All claims about one instance.

    Parameters
    ----------
    instance
        The instance.
    settings
        Solvers to run.
    decided
        Whether the rates of the instance are known exactly, so that nothing may stay open.
    time_s
        Limit of one solve, in s.
    """

    def __init__(
        self, instance: Instance, settings: Sequence[Setting], *, decided: bool = False, time_s: float = 20.0
    ) -> None:
        self.instance, self.settings, self.decided, self.time_s = instance, settings, decided, time_s
        self.findings: list[Finding] = []
        self.results: list[tuple[Setting, Result]] = []
        self.refused = 0
        self._best: dict[Variant, Point | None] = {}
        self._searched: dict[bool, dict[Any, Any]] = {True: {}, False: {}}
        """Beams that the enumeration has searched for, with shared blocks and without."""

    def run(self) -> Report:
        """Solve by every setting, then hold what was claimed against the best points."""
        for setting in self.settings:
            self._solve(setting)
        for setting, result in self.results:
            self._judge(setting, result)
        return Report(self.findings, self.best(Variant()), len(self.results), self.refused)

    def _add(self, setting: Setting, kind: str, text: str) -> None:
        self.findings.append(Finding(setting, kind, text))

    def _solve(self, setting: Setting) -> None:
        problem = P1(self.instance, Variant.parse(setting.variant))
        limits = {"gap": GAP, "time_limit": self.time_s}
        try:
            result = solve(problem, setting.solver, **limits, options=setting.options, silent=True)
        except (BackendError, UsageError):
            self.refused += 1
        except FgamcdError as error:
            self._add(setting, "refusal", f"{type(error).__name__}: {error}")
        except Exception as error:
            self._add(setting, "exception", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        else:
            self.results.append((setting, result))

    def _known(self) -> dict[tuple[int, tuple[int, ...]], list[np.ndarray]]:
        """Beams that solvers returned, by block and users; those of whole models count for nobody else."""
        known: dict[tuple[int, tuple[int, ...]], list[np.ndarray]] = {}
        for _, result in self.results:
            if result.solution is None or str(result.variant.granularity) == "model":
                continue
            sent = Enumeration(self.instance, result.variant).sent
            for sending, beam in zip(sent, result.solution.decision.beams, strict=True):
                users = tuple(self.instance.pair_user[list(sending.pairs)].tolist())
                known.setdefault((sending.block, users), []).append(beam)
        return known

    def best(self, variant: Variant) -> Point | None:
        """Best point of a variant, verified by the checker."""
        if variant not in self._best:
            data = P1(self.instance, variant).data
            shared = data is self.instance
            known = self._known() if shared else {}
            point = Enumeration(data, variant, known, self._searched[shared]).best()
            if point is not None and not self._verified(variant, point):
                point = None
            self._best[variant] = point
        return self._best[variant]

    def solution(self, variant: Variant, point: Point) -> Solution:
        """A point as a solution file holds it."""
        decision = Decision(point.caching, point.migration, point.beams)
        return Solution(
            instance_name=self.instance.name,
            instance_digest=self.instance.digest,
            decision=decision,
            delay_s=point.delay_s,
            solver="enumeration",
            solver_version=fgamcd_opt.__version__,
            variant=variant,
        )

    def _verified(self, variant: Variant, point: Point) -> bool:
        """Whether the checker accepts a point, as it must: the enumeration keeps to every constraint."""
        verdict = verify(self.instance, self.solution(variant, point))
        if not verdict.valid:
            self._add(Setting("verify", {}, variant.differences()), "disagreement", "; ".join(verdict.faults))
        return verdict.valid

    def _judge(self, setting: Setting, result: Result) -> None:
        point = self.best(result.variant)
        known = math.inf if point is None else point.delay_s
        if result.delay_s is not None:
            self._judge_delay(setting, result)
            known = min(known, result.delay_s)
        elif result.point_status is PointStatus.REJECTED and result.variant.csi is not Csi.NOMINAL:
            faults = result.verification.faults if result.verification else ()
            self._add(setting, "rejected point", "; ".join(faults))
        if result.lower_bound_s is not None and result.lower_bound_s > known * (1.0 + ROUNDING):
            self._add(setting, "false bound", f"bound {result.lower_bound_s!r} s, a point takes {known!r} s")
        if result.status is Status.INFEASIBLE and math.isfinite(known):
            self._add(setting, "false infeasibility", f"a point takes {known!r} s; {result.infeasibility}")
        if result.status in (Status.OPTIMAL, Status.WITHIN_GAP):
            most = known / (1.0 - result.gap_tolerance) * (1.0 + ROUNDING)
            if result.delay_s is not None and result.delay_s > most:
                self._add(setting, "false optimum", f"{result.delay_s!r} s, a point takes {known!r} s")
        self._judge_end(setting, result, known)

    def _judge_delay(self, setting: Setting, result: Result) -> None:
        """The delay of a decision, computed once more."""
        assert result.solution is not None
        assert result.delay_s is not None
        delay = delay_of(P1(self.instance, result.variant).data, result.variant, result.solution.decision)
        if delay is not None and not math.isclose(delay, result.delay_s, rel_tol=ROUNDING):
            self._add(setting, "wrong delay", f"{result.delay_s!r} s, recomputed {delay!r} s")

    def _judge_end(self, setting: Setting, result: Result, known: float) -> None:
        """Where a point verifies, a solver that answers P1 finds one; where all is known, nothing stays open."""
        if result.stop_reason in (StopReason.TIME_LIMIT, StopReason.BACKEND_LIMIT) or setting.variant:
            return
        if setting.solver in ANSWERS and result.status is Status.UNKNOWN:
            what = f"a point takes {known!r} s" if math.isfinite(known) else "not proved infeasible"
            if math.isfinite(known):
                self._add(setting, "nothing found", f"{what}; stopped: {result.stop_reason}")
        if not self.decided or setting.solver != "exact":
            return
        if result.status not in (Status.OPTIMAL, Status.WITHIN_GAP, Status.INFEASIBLE):
            self._add(setting, "left open", f"{result.status}, gap {result.gap}, a point takes {known!r} s")


def delay_of(data: Instance, variant: Variant, decision: Decision) -> float | None:
    """Delay of a decision in s by the formulas of `points`; None where its digits are rounding noise."""
    enumeration = Enumeration(data, variant)
    total = 0.0
    for block in sorted({sending.block for sending in enumeration.sent}):
        link = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
        bits = 8.0 * float(data.block_bytes[block])
        used = np.argwhere(decision.migration[:, :, block])
        total += max((bits / link[n, m] if link[n, m] > 0.0 else math.inf for n, m in used), default=0.0)
    for sending, beam in zip(enumeration.sent, decision.beams, strict=True):
        bits, cloud = 8.0 * float(data.block_bytes[sending.block]), variant.cloud_rate_bps
        if cloud is not None and not beam.any():
            total += len(sending.pairs) * bits / cloud
            continue
        if not well_known(data, np.array(sending.pairs), beam):
            return None
        rate = float(rates(data, np.array(sending.pairs), beam[None]).min())
        total += bits / rate if rate > 0.0 else math.inf
    return total
