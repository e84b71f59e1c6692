"""`Result`: what a solve returns. Why it stopped and what point it holds are two things."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.io.optional import require_extra
from fgamcd_opt.io.short_repr import cut, short_text
from fgamcd_opt.io.times import Times
from fgamcd_opt.problem.checker import Verification
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.problem.tolerances import CLAIM_TOLERANCE
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving import result_report
from fgamcd_opt.solving.context import Trace
from fgamcd_opt.solving.status import OPTIMALITY_GAP, PointStatus, Status, StopReason, relative_gap

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """Outcome of one solve.

    Parameters
    ----------
    instance_name, instance_digest, variant
        The problem.
    solver, solver_version, options, seed
        What solved it.
    stop_reason
        Why it stopped.
    solution, verification
        The best point and the checker's verdict on it; both or neither.
    lower_bound_s, bound_kind
        Proved lower bound L on the delay and the kind of proof; both or neither.
    combinatorial_bound_s
        Proved lower bound V on the delay over all caching and migration with the known beams (F7).
    gap_tolerance
        Relative gap that was asked for.
    multipliers
        (N,) storage multipliers in s per byte from which a certificate can be made, or None.
    infeasibility
        Why no point exists; given if and only if ``stop_reason`` is infeasible.
    times
        Seconds by stage.
    counts
        How much work was done, such as beamforming problems solved.
    message
        Anything else to be told.
    trace
        Best incumbent delay and best proved bound over time. The delays are the solver's own, the last one is the
        checker's.
    rates_read
        Whether rates came from the cache, so that their seconds are those of reading.

    Raises
    ------
    ValueError
        If the parts contradict each other: a solver that builds such a result has a bug.
    """

    instance_name: str
    instance_digest: str
    solver: str
    solver_version: str
    stop_reason: StopReason
    solution: Solution | None = None
    verification: Verification | None = None
    lower_bound_s: float | None = None
    bound_kind: str | None = None
    combinatorial_bound_s: float | None = None
    gap_tolerance: float = 0.0
    multipliers: NDArray[np.float64] | None = None
    infeasibility: str | None = None
    seed: int | None = None
    variant: Variant = field(default_factory=Variant)
    options: Mapping[str, Any] = field(default_factory=dict)
    times: Times = field(default_factory=Times)
    counts: Mapping[str, int] = field(default_factory=dict)
    message: str = ""
    trace: Trace = ()
    rates_read: bool = False

    def __post_init__(self) -> None:
        _require(
            (self.solution is None) == (self.verification is None), "solution and verification go together"
        )
        self._check_bounds()
        self._check_proofs()
        if self.solution is not None:
            _require(
                self.solution.instance_digest == self.instance_digest, "the solution is for another instance"
            )
            _require(self.solution.variant == self.variant, "the solution is for another variant")
            _require(self.solution.lower_bound_s == self.lower_bound_s, "the solution states another bound")

    def __repr__(self) -> str:
        figures = [str(self.status)]
        if self.delay_s is not None:
            figures.append(f"delay {self.delay_s:.6g} s")
        if self.lower_bound_s is not None:
            figures.append(f"lower bound {self.lower_bound_s:.6g} s")
        if self.gap is not None:
            figures.append(f"gap {100.0 * self.gap:.4f} %")
        return (
            f"<Result of {short_text(self.instance_name)} ({cut(str(self.variant), 100)}) by "
            f"{short_text(self.solver)}: {', '.join(figures)}; stopped: {self.stop_reason}, "
            f"{self.times.total_s:.2f} s>"
        )

    def _check_bounds(self) -> None:
        _require(
            (self.lower_bound_s is None) == (not self.bound_kind), "a bound has a kind, and a kind a bound"
        )
        for name in ("lower_bound_s", "combinatorial_bound_s"):
            bound = getattr(self, name)
            _require(bound is None or math.isfinite(bound), f"{name} {bound} is not finite")
            if bound is not None and self.delay_s is not None:
                limit = self.delay_s * (1.0 + CLAIM_TOLERANCE)
                _require(bound <= limit, f"{name} {bound!r} is above the delay {self.delay_s!r}")

    def _check_proofs(self) -> None:
        proved_infeasible = self.stop_reason is StopReason.INFEASIBLE
        _require(proved_infeasible == bool(self.infeasibility), "a reason goes with infeasible")
        _require(not (proved_infeasible and self.solution), "an infeasible problem has no solution")
        needed = {StopReason.OPTIMAL: OPTIMALITY_GAP, StopReason.GAP_REACHED: self.gap_tolerance}
        if self.stop_reason in needed:
            reached = self.gap is not None and self.gap <= needed[self.stop_reason]
            _require(reached, f"stop reason {self.stop_reason} with gap {self.gap}")

    @property
    def point_status(self) -> PointStatus:
        """Whether there is a point, and whether the checker accepts it."""
        if self.verification is None:
            return PointStatus.NONE
        return PointStatus.FEASIBLE if self.verification.valid else PointStatus.REJECTED

    @property
    def delay_s(self) -> float | None:
        """Delay T in s as the checker computed it; None without an accepted point."""
        if self.verification is None or not self.verification.valid or self.verification.evaluation is None:
            return None
        return self.verification.evaluation.delay_s

    @property
    def gap(self) -> float | None:
        """Certified relative gap of T to L, None unless both are known."""
        if self.delay_s is None or self.lower_bound_s is None:
            return None
        return max(0.0, relative_gap(self.delay_s, self.lower_bound_s))

    @property
    def gap_combinatorial(self) -> float | None:
        """Part (T - V) / T of the gap, due to caching and migration.

        L bounds P1 and therefore also P1 with the known beams, so V is never taken below L.
        """
        if self.delay_s is None or self.lower_bound_s is None or self.combinatorial_bound_s is None:
            return None
        return max(0.0, relative_gap(self.delay_s, max(self.combinatorial_bound_s, self.lower_bound_s)))

    @property
    def gap_beamforming(self) -> float | None:
        """Part (V - L) / T of the gap, due to beams that are not proved optimal."""
        if self.gap is None or self.gap_combinatorial is None:
            return None
        return self.gap - self.gap_combinatorial

    @property
    def status(self) -> Status:
        """What is known about the problem."""
        if self.stop_reason is StopReason.INFEASIBLE:
            return Status.INFEASIBLE
        if self.point_status is not PointStatus.FEASIBLE:
            return Status.UNKNOWN if self.point_status is PointStatus.NONE else Status.REJECTED
        if self.gap is not None and self.gap <= OPTIMALITY_GAP:
            return Status.OPTIMAL
        if self.gap is not None and self.gap <= self.gap_tolerance:
            return Status.WITHIN_GAP
        return Status.FEASIBLE

    @property
    def exit_code(self) -> ExitCode:
        """What the command line returns for this result."""
        unproved = self.status in (Status.FEASIBLE, Status.UNKNOWN)
        if self.stop_reason is StopReason.BACKEND_LIMIT and unproved:
            return ExitCode.BACKEND_MISSING
        codes = {
            Status.INFEASIBLE: ExitCode.INFEASIBLE,
            Status.UNKNOWN: ExitCode.NO_SOLUTION,
            Status.REJECTED: ExitCode.VERIFICATION_FAILED,
        }
        return codes.get(self.status, ExitCode.DONE)

    def to_json(self) -> dict[str, Any]:
        """Everything but the decision as plain JSON values; what is not known is None."""
        return result_report.to_json(self)

    def to_frame(self) -> DataFrame:
        """The figures as one row of a pandas table, under the names of :meth:`to_json`; concatenate to compare.

        Unknown numbers are NaN, unknown texts empty.

        Raises
        ------
        BackendError
            pandas is missing; says how to install it.
        """
        require_extra("compare", "Result.to_frame", "pandas")
        from pandas import DataFrame

        return DataFrame([result_report.flat(self)])

    def _repr_html_(self) -> str:
        return result_report.html(self)

    def summary(self) -> str:
        """The figures that matter as text, one per line."""
        return result_report.summary(self)


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise ValueError(f"inconsistent result: {fault}")
