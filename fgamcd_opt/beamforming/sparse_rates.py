"""Rates of few node sets out of very many, for all requested blocks of a problem.

A table of all 2^N sets per block is too much beyond a dozen nodes or a few hundred blocks, and it is not needed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.sparse_block import SparseBlock
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.p1 import P1

MAX_NODES = 16
"""Nodes up to which bounds are kept by bit mask (12 bytes per set that is touched)."""

_TOGETHER = 16
"""Blocks that a thread takes at a time."""

Answer = TypeVar("Answer")


class SparseRates:
    """Rates of all requested blocks of a problem, solved on demand.

    Parameters
    ----------
    problem
        P1.
    threads
        Threads that work on blocks side by side; the result does not depend on it.

    Raises
    ------
    UsageError
        More than ``MAX_NODES`` nodes.
    """

    __repr__ = short_repr

    def __init__(self, problem: P1, threads: int = 1) -> None:
        instance = problem.instance
        if instance.n_nodes > MAX_NODES:
            raise UsageError(
                f"{instance.name}: has {instance.n_nodes} nodes; rate bounds are kept for up to {MAX_NODES}, "
                "so take fewer nodes"
            )
        self.threads = max(1, threads)
        self.blocks = [SparseBlock.start(problem, int(k)) for k in instance.requested_blocks]
        self.size = len(self.blocks) * ((1 << instance.n_nodes) - 1)

    @property
    def solved(self) -> int:
        """Number of (block, S) problems that the beamforming has worked on."""
        return sum(len(block.solved) for block in self.blocks)

    @property
    def bounded(self) -> int:
        """Number of (block, S) for which multipliers were minimised without looking for a beam."""
        return sum(len(block.bounded) for block in self.blocks)

    def each(
        self, work: Callable[[int, SparseBlock], Answer], go_on: Callable[[], bool]
    ) -> list[Answer] | None:
        """``work(row, block)`` of every block, side by side; None if ``go_on`` turned false before the end."""

        def some(first: int) -> list[Answer] | None:
            if not go_on():
                return None
            return [
                work(row, self.blocks[row]) for row in range(first, min(first + _TOGETHER, len(self.blocks)))
            ]

        answers: list[Answer] = []
        with ThreadPoolExecutor(self.threads) as pool:
            for part in pool.map(some, range(0, len(self.blocks), _TOGETHER)):
                if part is None:
                    return None
                answers += part
        return answers

    def beam(self, row: int, mask: int) -> NDArray[np.complex128]:
        """(N, N_t) beamformer of the ``row``-th requested block: the best known one within the set ``mask``."""
        block = self.blocks[row]
        within = [s for s in block.solved.values() if s.mask & ~mask == 0]
        best = max(within, key=lambda s: s.rate_bps)
        return block.broadcast.beam(best.x, best.share)
