"""Certificates made: evidence for the rates that hold up a Lagrangian bound, and no more of it.

Per block, the (C, S) of least priced delay under the evidence so far gets evidence of its own, until the least one
has it. So only few sets per block are ever worked on, whatever the number of nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_evidence import rate_evidence
from fgamcd_opt.block_bound import PricedBlock, ProvedEvidence
from fgamcd_opt.certificate import Certificate, EvidenceRow
from fgamcd_opt.certificate_check import lagrangian_sum, proved_evidence, require_nodes
from fgamcd_opt.errors import InputError
from fgamcd_opt.problem import P1
from fgamcd_opt.rate_oracle import reduce_block

Progress = Callable[[int, int], None]
"""Called with (blocks done, blocks in all)."""

_SLACK = 1e-10
"""Relative slack of every block's bound, so that another machine's last digits cannot make the check fail."""

_NEEDED = 1e-7
"""Evidence is left out if the block's bound loses no more than this share without it."""


def certify(
    problem: P1,
    multipliers: NDArray[np.float64],
    made_by: str,
    *,
    settings: BeamformingSettings | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Certificate:
    """Certificate of the Lagrangian bound for given storage multipliers.

    Parameters
    ----------
    problem
        P1.
    multipliers
        (N,) storage multipliers >= 0, in s per byte; the better they are, the better the bound.
    made_by
        Solver and version that found them.
    settings
        Effort per rate bound.
    threads
        Blocks worked on side by side; the result does not depend on it.
    progress
        Told how far it is.

    Raises
    ------
    InputError
        Too many nodes, or a block that no placement can deliver: P1 is infeasible then and has no bound.
    """
    instance = problem.instance
    require_nodes(instance)
    effort = settings or BeamformingSettings(rounds=8)
    numbers = range(instance.requested_blocks.size)
    bounds, rows = np.zeros(len(numbers)), []
    with ThreadPoolExecutor(threads) as pool:
        work = pool.map(lambda number: _certify_block(problem, number, multipliers, effort), numbers)
        for number, (value, found) in zip(numbers, work, strict=True):
            bounds[number] = value
            rows += found
            if progress is not None:
                progress(number + 1, len(numbers))
    return Certificate.pack(
        multipliers,
        rows,
        instance_digest=instance.digest,
        instance_name=instance.name,
        made_by=made_by,
        bound_s=lagrangian_sum(instance, multipliers, bounds),
        block_bound_s=bounds,
    )


def _certify_block(
    problem: P1, number: int, multipliers: NDArray[np.float64], settings: BeamformingSettings
) -> tuple[float, list[EvidenceRow]]:
    """Bound of one block and the evidence that it needs."""
    instance = problem.instance
    index = int(instance.requested_blocks[number])
    block = PricedBlock(instance, index, multipliers)
    broadcast = reduce_block(instance, index)
    rows: list[EvidenceRow] = []
    tried: set[int] = set()
    while True:
        least = block.least(_proved(block, rows))
        if not np.isfinite(least.value_s):
            raise InputError(
                f"{instance.block_names[index]}: no placement can deliver it under QoS (9b); P1 is infeasible"
            )
        if least.participating in tried:
            break
        tried.add(least.participating)
        found = rate_evidence(broadcast, least.participating, None, None, settings)
        row = EvidenceRow(number, found.mask, found.mu, found.y, found.mix).rounded()
        mask = np.array([found.mask])
        if block.snr_bound(mask, _proved(block, [row]))[0] < block.lone_snr(mask)[0]:
            rows.append(row)
    goal = least.value_s * (1.0 - _NEEDED)
    for row in rows.copy():
        fewer = [other for other in rows if other is not row]
        if block.least(_proved(block, fewer), goal).value_s >= goal:
            rows = fewer
    return block.least(_proved(block, rows)).value_s * (1.0 - _SLACK), rows


def _proved(block: PricedBlock, rows: list[EvidenceRow]) -> ProvedEvidence:
    """The check's own reading of the rows."""
    if not rows:
        return ProvedEvidence.none(block.n_nodes, block.floors2.size)
    (proved,) = proved_evidence({rows[0].block: block}, rows).values()
    return proved
