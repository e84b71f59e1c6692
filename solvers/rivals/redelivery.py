"""Rivals that keep the caching and migration of a reference solution and deliver otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.transmissions import JOINT
from fgamcd_opt.solvers.decisions import beams_of
from fgamcd_opt.solvers.exact.exact import ExactSolver
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome
from fgamcd_opt.solving.status import StopReason


def reference_solution(problem: P1, rival: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
    """The solution by `exact` of the problem with CoMP broadcast, from which a rival starts.

    What is proved about that problem is left out: bound and trace, and that there is no solution, for users whom no
    beam can serve together may well be served apart. Only what excludes every delivery proves that the rival has none.

    Parameters
    ----------
    problem
        P1 with ``delivery=comp_broadcast``.
    rival
        The same problem with the other delivery.
    context
        Limits, seed, clock.
    options
        Those of ``exact``.
    """
    inner = context.untraced()
    found = ExactSolver().solve(problem, inner, {**ExactSolver.options, **options})
    context.rates_read |= inner.rates_read
    excluded = rival.infeasibility_reason()
    without = f"no caching to start from, as P1 itself has no solution: {found.infeasibility}"
    return dataclasses.replace(
        found,
        lower_bound_s=None,
        bound_kind=None,
        combinatorial_bound_s=None,
        infeasibility=excluded,
        stop_reason=StopReason.INFEASIBLE if excluded else context.stop_reason(),
        message=without if found.infeasibility and not excluded else found.message,
    )


def redeliver(problem: P1, reference: Decision) -> Decision:
    """The caching and migration of a CoMP-broadcast decision with the beams of another delivery.

    Parameters
    ----------
    problem
        The problem with the other delivery.
    reference
        Decision of the same problem with ``delivery=comp_broadcast``; its beams are kept for the blocks that are still
        broadcast to all their users together.
    """
    data, sent = problem.data, problem.transmissions
    holds = reference.participation[:, data.requested_blocks]
    participating = (holds * (1 << np.arange(data.n_nodes))[:, None]).sum(axis=0)
    row = np.searchsorted(data.requested_blocks, sent.block)
    together = (sent.sender == JOINT) & (sent.users() == np.bincount(data.pair_block)[sent.block])
    oracle = RateOracle(problem)
    oracle.compute(
        [
            np.array(
                [] if together[t] else sent.sending_sets(t, int(participating[row[t]])),
                np.int64,
            )
            for t in range(sent.count)
        ]
    )
    beams = beams_of(problem, oracle, participating)
    beams[together] = reference.beams[row[together]]
    return Decision(reference.caching, reference.migration, beams)
