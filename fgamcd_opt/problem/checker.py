"""The independent checker: a solution file against its instance, with numpy alone and without any solver.

Everything is recomputed from the stored binaries and beams: worst-case rates by the closed form F1, delay,
every constraint. What the solution claims about itself is compared with that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_text
from fgamcd_opt.problem.constraints.families import TOLERANCES
from fgamcd_opt.problem.evaluation import Evaluation
from fgamcd_opt.problem.metrics import METRICS
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.problem.tolerances import CLAIM_TOLERANCE


@dataclass(frozen=True, eq=False)
class Verification:
    """Verdict of the checker.

    Attributes
    ----------
    faults
        Everything that is wrong, in words; empty for a valid solution.
    evaluation
        The recomputed figures, or None if the decision does not even fit the instance.
    """

    faults: tuple[str, ...]
    evaluation: Evaluation | None

    def __repr__(self) -> str:
        if not self.valid:
            more = f" and {len(self.faults) - 1} more" if len(self.faults) > 1 else ""
            return f"<Verification: REJECTED, {short_text(self.faults[0])}{more}>"
        delay = f", delay {self.evaluation.delay_s:.6g} s" if self.evaluation else ""
        return f"<Verification: accepted{delay}>"

    @property
    def valid(self) -> bool:
        """Nothing is wrong."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; a number that is not finite or not known is None."""
        judged = self.evaluation
        return {
            "valid": self.valid,
            "delay_s": _finite(judged.delay_s) if judged else None,
            "max_violation": _finite(judged.max_violation) if judged else None,
            "tolerance": max(TOLERANCES.values()),
            "violations": {k: _finite(v) for k, v in judged.violations.items()} if judged else {},
            **(judged.metrics() if judged else dict.fromkeys(METRICS)),
            "faults": list(self.faults),
        }


def verify(instance: Instance, solution: Solution) -> Verification:
    """Check a solution against an instance.

    Constraints on real numbers (QoS, power) hold up to the tolerances of `fgamcd_opt.problem.tolerances`, all others
    exactly; the claimed delay is the recomputed one up to ``CLAIM_TOLERANCE``; a claimed lower bound is not above it.

    Parameters
    ----------
    instance, solution
        What to compare.

    Raises
    ------
    InputError
        Something else than an instance and a solution.
    UnsupportedVariantError
        If the solution is for a variant that cannot be evaluated.
    """
    if not isinstance(instance, Instance):
        raise InputError(f"verify: got {quote(instance)} first; expected an Instance")
    if not isinstance(solution, Solution):
        raise InputError(
            f"verify: got {quote(solution)}; expected a Solution, such as result.solution or Solution.load(file)"
        )
    if solution.instance_digest != instance.digest:
        fault = (
            f"the solution is for {solution.instance_name} with digest {solution.instance_digest}; "
            f"{instance.name} has digest {instance.digest}"
        )
        return Verification((fault,), None)
    try:
        evaluation = P1(instance, solution.variant).evaluate(solution.decision)
    except InputError as error:
        return Verification((str(error),), None)
    return verdict(solution, evaluation)


def verdict(solution: Solution, evaluation: Evaluation) -> Verification:
    """The verdict on a solution whose decision was evaluated on its instance already."""
    return Verification(evaluation.faults + _false_claims(solution, evaluation), evaluation)


def _false_claims(solution: Solution, evaluation: Evaluation) -> tuple[str, ...]:
    """What the solution says about its delay and bound that the evaluation contradicts."""
    delay, faults = evaluation.delay_s, []
    if not math.isfinite(delay):
        return (f"the delay is {delay}: some requested block never arrives",)
    if not math.isclose(solution.delay_s, delay, rel_tol=CLAIM_TOLERANCE):
        faults.append(f"claimed delay {solution.delay_s!r} s, recomputed {delay!r} s")
    if solution.lower_bound_s is not None and solution.lower_bound_s > delay * (1.0 + CLAIM_TOLERANCE):
        faults.append(f"claimed lower bound {solution.lower_bound_s!r} s is above the delay {delay!r} s")
    return tuple(faults)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
