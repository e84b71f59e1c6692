"""Filling the rate oracle for solvers that enumerate node sets: a first usable pass, then the whole table."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_cache import keep_rates, load_rates
from fgamcd_opt.beamforming.rate_oracle import Progress, RateOracle
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.transmissions import BEST_NODE, JOINT
from fgamcd_opt.problem.variants import Unserved
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.solver import Outcome
from fgamcd_opt.solving.status import StopReason

NO_PLACEMENT = "no caching placement fits into the storage (eq. 1) with every block deliverable (QoS, eq. 9b)"
"""What the solvers say where it is proved that the knapsack of F5 has no feasible choice."""


def rate_table(problem: P1, context: SolveContext, rounds: int) -> RateOracle | Outcome:
    """The rates of all node sets, or of those that the time allows; or the outcome that P1 is proved infeasible.

    Parameters
    ----------
    problem
        P1 or a variant.
    context
        Limits, seed, clock.
    rounds
        Beamforming effort per set.
    """
    reason = problem.infeasibility_reason()
    if reason:
        return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason)
    settings = BeamformingSettings(rounds=rounds, seed=context.seed)
    with context.stage("rates"):
        oracle = RateOracle(problem, settings, context.limits.threads)
        complete_table(oracle, context)
        reason = unservable_block(oracle)
    if reason:
        counts = {"rate_problems": oracle.solved, "rate_problems_total": oracle.size}
        return Outcome(stop_reason=StopReason.INFEASIBLE, infeasibility=reason, counts=counts)
    return oracle


def complete_table(oracle: RateOracle, context: SolveContext) -> None:
    """All node sets of all blocks, read from the context's cache where it has them, else computed and kept there.

    What all nodes can do together comes first: it makes every placement deliverable.
    """
    if table_read(oracle, context):
        return
    every_node = [oracle.largest_masks(row) for row in range(len(oracle.tables))]
    complete = oracle.compute(every_node, progress=reporter(context, "beams, all nodes")) and oracle.compute(
        progress=reporter(context, "beams")
    )
    if complete:
        search_again(oracle, context, unserved_only=True)
    if complete and not context.must_stop and context.rate_cache is not None:
        keep_rates(oracle, context.rate_cache)


def search_again(oracle: RateOracle, context: SolveContext, *, unserved_only: bool = False) -> bool:
    """Work again on the sets without a beam, from many starts (:mod:`fgamcd_opt.beamforming.many_starts`).

    Parameters
    ----------
    oracle
        Rates of which all sets have been worked on.
    context
        Limits and clock.
    unserved_only
        Only where a transmission has no beam at all, from any set.

    Returns
    -------
    bool
        Whether any of them has a beam now.
    """
    wanted = oracle.without_beam()
    if unserved_only:
        wanted = [
            masks[:0] if table.lower.any() else masks
            for masks, table in zip(wanted, oracle.tables, strict=True)
        ]
    if not any(masks.size for masks in wanted):
        return False
    oracle.compute(wanted, progress=reporter(context, "beams from many starts"))
    return any(table.lower[masks].any() for masks, table in zip(wanted, oracle.tables, strict=True))


def table_read(oracle: RateOracle, context: SolveContext) -> bool:
    """Fill the oracle from the context's cache; False if there is none, or nothing fits there."""
    if context.rate_cache is None:
        return False
    if not load_rates(oracle, context.rate_cache):
        oracle.keep_proofs()  # for the file that will be written
        return False
    context.rates_read = True
    context.progress(f"beams: read from {context.rate_cache}", now=True)
    return True


def unservable_block(oracle: RateOracle) -> str | None:
    """Proof in words that some block cannot meet the QoS of its users even with all nodes; None if there is none."""
    if oracle.problem.variant.unserved is Unserved.CLOUD:
        return None
    for row, table in enumerate(oracle.tables):
        if (table.status[oracle.useful_masks(row)] == -1).all():
            return unservable(oracle.problem, int(oracle.blocks[row]), int(oracle.senders[row]))
    return None


def unservable(problem: P1, block: int, sender: int = JOINT) -> str:
    """Says in words that a requested block cannot meet the QoS of its users."""
    name = problem.data.block_names[block]
    most = problem.variant.max_senders
    together = {None: "even with all nodes", 1: "from any node alone"}.get(most, f"from any {most} nodes")
    by = {JOINT: together, BEST_NODE: "from any node alone"}.get(sender, f"from node {sender} alone")
    return f"block {block} ({name}) cannot reach the QoS (eq. 9b) of its users {by} (rate bound F6)"


def reporter(context: SolveContext, label: str) -> Progress:
    """Progress callback that logs the share done and the time left, and stops when the context must stop."""
    begun = context.elapsed_s

    def report(done: int, total: int) -> bool:
        spent = context.elapsed_s - begun
        left = spent / done * (total - done) if done else np.nan
        context.progress(f"{label}: {done} of {total} problems, {left:.0f} s left", now=done == total)
        return not context.must_stop

    return report
