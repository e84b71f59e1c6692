"""Certificates made: evidence for the rates that hold up a Lagrangian bound, and no more of it.

Per block, the (C, S) of least priced delay under the evidence so far gets its own evidence, until the least one
has it or comes close to one that has. So only few sets per block are ever worked on, whatever the number of nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_evidence import rate_evidence
from fgamcd_opt.beamforming.rate_oracle import reduce_block
from fgamcd_opt.certificates.block_bound import PricedBlock, ProvedEvidence
from fgamcd_opt.certificates.certificate import Certificate
from fgamcd_opt.certificates.certificate_check import lagrangian_sum, proved_evidence, require_nodes
from fgamcd_opt.certificates.evidence_rows import EvidenceRow
from fgamcd_opt.io.errors import InputError, UnsupportedVariantError
from fgamcd_opt.problem.p1 import P1

Progress = Callable[[int, int], None]
"""Called with (blocks done, blocks in all)."""

_SLACK = 1e-10
"""Relative slack of every block's bound, so that another machine's last digits cannot make the check fail."""

_CLOSE = 1e-5
"""A block's bound is good enough if it is so close, relatively, to what its evidence can prove at best."""

_MOST_ROWS = 60
"""Rows of evidence per block at most; with very many nodes and hardly any rent, hundreds of sets come close."""

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
        Called with how far it is; what it raises ends the work.

    Raises
    ------
    InputError
        Too many nodes, or a block that no placement can deliver: P1 is infeasible then and has no bound.
    UnsupportedVariantError
        Another variant than P1 itself.
    """
    if problem.variant.differences():
        raise UnsupportedVariantError(f"certificates prove bounds on P1 itself, not on {problem.variant}")
    instance = problem.instance
    require_nodes(instance)
    effort = settings or BeamformingSettings(rounds=4)
    numbers = range(instance.requested_blocks.size)
    bounds, rows = np.zeros(len(numbers)), []
    with ThreadPoolExecutor(threads) as pool:
        work = [pool.submit(_certify_block, problem, number, multipliers, effort) for number in numbers]
        try:
            for number, future in enumerate(work):
                bounds[number], found = future.result()
                rows += found
                if progress is not None:
                    progress(number + 1, len(numbers))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
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
    search = _BlockSearch(PricedBlock(instance, index, multipliers))
    broadcast = reduce_block(instance, index)
    within_reach = np.inf  # what some set with its own evidence needs: no evidence can prove more
    value, mask = search.least()
    while np.isfinite(value) and value < within_reach * (1.0 - _CLOSE) and len(search.rows) < _MOST_ROWS:
        found = rate_evidence(broadcast, mask, None, None, settings)
        if found.proves:
            search.add(EvidenceRow(number, found.mask, found.mu, found.y, found.mix).rounded())
        within_reach = min(within_reach, search.least_with(mask))
        value, mask = search.least()
    if not np.isfinite(value):
        name = instance.block_names[index]
        raise InputError(f"{name}: no placement can deliver it under QoS (eq. 9b); P1 is infeasible")
    search.drop_idle_rows(value * (1.0 - _NEEDED))
    return search.block.least(search.evidence()).value_s * (1.0 - _SLACK), search.rows


class _BlockSearch:
    """Tables over all node sets of one block, by which the least priced delay is found again and again."""

    def __init__(self, block: PricedBlock) -> None:
        self.block = block
        self.rows: list[EvidenceRow] = []
        self._masks = np.arange(1 << block.n_nodes, dtype=np.int64)
        self._snr = [block.lone_snr(self._masks)]  # by users taken alone, then by every row
        self._sending, self._fixed_s = block.placements(block.caching_sets())

    def evidence(self) -> ProvedEvidence:
        """The check's own reading of the rows."""
        return _proved(self.block, self.rows)

    def add(self, row: EvidenceRow) -> None:
        """Keep a row unless the users taken alone prove as much for its own set."""
        snr = self.block.evidence_snr(self._masks, _proved(self.block, [row]))[0]
        if snr[row.mask] < self._snr[0][row.mask]:
            self.rows.append(row)
            self._snr.append(snr)

    def least(self) -> tuple[float, int]:
        """Least priced delay in s and its participating set."""
        if self._sending.size == 0:
            return np.inf, 0
        priced = self._fixed_s + self.block.broadcast_s(np.minimum.reduce(self._snr))[self._sending]
        row, column = np.unravel_index(int(np.argmin(priced)), priced.shape)
        return float(priced[row, column]), int(self._sending[row, column])

    def least_with(self, mask: int) -> float:
        """Least priced delay in s with one participating set."""
        snr = min(float(table[mask]) for table in self._snr)
        fixed_s = float(self._fixed_s[self._sending == mask].min())
        return fixed_s + float(self.block.broadcast_s(np.array([snr]))[0])

    def drop_idle_rows(self, goal_s: float) -> None:
        """Leave rows out, one after the other, without which the least priced delay stays at the goal."""
        for row in self.rows.copy():
            i = self.rows.index(row)
            snr = self._snr.pop(i + 1)
            if self.least()[0] >= goal_s:
                self.rows.pop(i)
            else:
                self._snr.insert(i + 1, snr)


def _proved(block: PricedBlock, rows: list[EvidenceRow]) -> ProvedEvidence:
    """Rows as the check reads them."""
    if not rows:
        return ProvedEvidence.none(block.n_nodes, block.floors2.size)
    (proved,) = proved_evidence({rows[0].block: block}, rows).values()
    return proved
