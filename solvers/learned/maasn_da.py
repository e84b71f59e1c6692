"""`maasn-da`: a trained policy plays the instance; optionally many sampled roll-outs and a local search after them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.learning.environment.scenario import GAME
from fgamcd_opt.problem.constraints.formulation import Formulation
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.base_solver import BaseSolver
from fgamcd_opt.solvers.heuristics.local_search import LocalSearchSolver
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.rate_tables import unservable_block
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason

if TYPE_CHECKING:
    from fgamcd_opt.learning.policies.policy import Policy
    from fgamcd_opt.solvers.learned.policy_decoding import Decoding

_COPIES = 32
"""Sampled roll-outs side by side; between two batches the limits are looked at."""


class MaasnDaSolver(BaseSolver):
    """A learned policy of any method, decoded; proves nothing about the delay."""

    name: ClassVar[str] = "maasn-da"
    formulation: ClassVar[Formulation] = GAME
    summary: ClassVar[str] = "a trained policy decides on caching and migration block by block; no bound"
    role: ClassVar[Role] = Role.LEARNED
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Any]] = {"policy": "", "samples": 0, "polish": 0, "rounds": 2}
    backends: ClassVar[tuple[str, ...]] = ("torch", "safetensors")

    def prepare(self) -> None:
        """Load torch."""
        import torch  # noqa: F401

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """Solve P1 by the roll-out of a policy, repaired where it does not deliver every block.

        Parameters
        ----------
        problem
            P1.
        context
            Limits, seed, clock.
        options
            ``policy``: file of a trained policy of any learned method; empty for the one of this package that fits.
            ``samples``: random roll-outs besides the deterministic one, of which the best counts. ``polish``: 1 to
            let the local search start from the best one's caching. ``rounds``: beamforming effort per set.

        Raises
        ------
        UsageError
            An option is out of range, or no policy is made for so many nodes.
        InputError
            The file is no policy.
        """
        require_options(options)
        reason = problem.infeasibility_reason()
        if reason:
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)
        from fgamcd_opt.solvers.learned.policy_decoding import Decoding, fitting_policy

        name, policy = fitting_policy(problem.data, options["policy"])
        decoding = Decoding(problem, policy, context, options["rounds"])
        decoding.serve_by_all()
        reason = unservable_block(decoding.oracle)
        if reason:
            counts = _counts(decoding)
            return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason, counts=counts)
        decoding.roll_out(1)
        decoding.sample(options["samples"], _COPIES)
        if options["polish"]:
            decoding.polish(LocalSearchSolver.options["kicks"])
        return Outcome(
            stop_reason=context.stop_reason(),
            decision=decoding.decision(),
            counts=_counts(decoding),
            message=_message(name, policy, decoding, bool(options["polish"])),
        )


def require_options(options: Mapping[str, Any]) -> None:
    """Raise `UsageError` if an option of :meth:`MaasnDaSolver.solve` is out of range."""
    for name in ("samples", "rounds"):
        if options[name] < 0:
            raise UsageError(f"option {name}: {options[name]} is negative; expected 0 or more")
    if options["polish"] not in (0, 1):
        raise UsageError(f"option polish: {options['polish']} is neither 0 nor 1")


def _counts(decoding: Decoding) -> dict[str, int]:
    delivery, caching = decoding.repaired
    return {
        "rate_problems": decoding.oracle.solved,
        "rate_problems_total": decoding.oracle.size,
        "rollouts": decoding.rollouts,
        "repaired_delivery": delivery,
        "repaired_caching": caching,
    }


def _message(name: str, policy: Policy, decoding: Decoding, polished: bool) -> str:
    """Which policy it was, what had to be repaired, and what to do about it."""
    who = f"policy: {name}, {policy.method} for {policy.layout.n_nodes} nodes"
    if decoding.bits is None:
        return f"{who}; its placements leave a block without a place in the storage, and no repair was found"
    delivery, caching = decoding.repaired
    text = f"{who}; repaired: participants of {delivery} blocks, caching of {caching}"
    if (delivery or caching) and not polished:
        text += "; option polish=1 or a policy trained on instances like this one may do better"
    return text
