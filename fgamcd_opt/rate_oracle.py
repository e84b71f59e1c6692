"""Rate oracle: rho_k(S) of every requested block and node set, from below (a beam in hand) and above (proved).

One oracle serves all solvers. It computes only what it is asked for, keeps it (in memory and, if wanted, on disk),
closes it under monotonicity (F4) and never replaces a value by a worse one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, Broadcast, SetTable, masks_by_size
from fgamcd_opt.errors import UsageError
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem import P1

Progress = Callable[[int, int], bool]
"""Called with (problems done, problems in all) between pieces of work; False stops."""

MAX_NODES = 12
"""Nodes up to which the rates of all node sets are tabulated."""

_PIECE_SECONDS = 0.5
"""Work between two calls of the progress callback, by a rough estimate of the time of a problem."""


@dataclass(frozen=True)
class RateBounds:
    """rho_k(S) in bit/s: ``lower`` reached by a beam (0 if none meets the QoS), ``upper`` proved; qos -1, 0 or 1."""

    lower_bps: float
    upper_bps: float
    qos: int


def reduce_block(instance: Instance, block: int) -> Broadcast:
    """The broadcast problem of one requested block."""
    return Broadcast.reduce(
        instance.block_channels(block),
        instance.block_radii(block),
        instance.power_w,
        instance.antennas,
        instance.noise_w,
        instance.qos_bps[instance.pair_user[instance.block_pairs(block)]],
        instance.bandwidth_hz,
        instance.csi_set,
    )


class RateOracle:
    """Rates of all requested blocks of one problem.

    Parameters
    ----------
    problem
        P1; its beams are designed for the error set of the instance (robust).
    settings
        Effort and seed of the beamforming.
    threads
        Threads that work side by side; the result does not depend on it.

    Raises
    ------
    UsageError
        The instance has so many nodes that their 2^N sets cannot be tabulated.
    """

    def __init__(self, problem: P1, settings: BeamformingSettings | None = None, threads: int = 1) -> None:
        self.problem = problem
        self.settings = settings or BeamformingSettings()
        self.threads = max(1, threads)
        instance = problem.instance
        if instance.n_nodes > MAX_NODES:
            raise UsageError(
                f"{instance.name}: has {instance.n_nodes} nodes; rates are tabulated for all 2^N node sets, which "
                f"goes up to {MAX_NODES} nodes; --solver column-generation takes more"
            )
        self.blocks = instance.requested_blocks
        self.masks = masks_by_size(instance.n_nodes)
        self.tables = [SetTable(reduce_block(instance, int(block))) for block in self.blocks]

    @property
    def size(self) -> int:
        """Number of (block, S) problems in all."""
        return len(self.tables) * self.masks.size

    @property
    def solved(self) -> int:
        """Number of (block, S) problems that the beamforming has worked on."""
        return sum(int(table.solved[1:].sum()) for table in self.tables)

    def compute(
        self,
        wanted: Sequence[NDArray[np.int64]] | None = None,
        settings: BeamformingSettings | None = None,
        progress: Progress | None = None,
    ) -> bool:
        """Work on sets of blocks; on those not solved yet if ``wanted`` is not given.

        Parameters
        ----------
        wanted
            Per requested block, the masks to work on, largest first; sets solved before are tightened.
        settings
            Another effort for this call.
        progress
            Told how far it is; may stop the work, whereupon what is done is kept.

        Returns
        -------
        bool
            False if it was stopped before the end.
        """
        if wanted is None:
            wanted = [self.masks[~table.solved[self.masks]] for table in self.tables]
        chosen = settings or self.settings
        order = sorted(range(len(self.tables)), key=lambda r: (-self.tables[r].broadcast.floors.size, r))
        total = sum(masks.size for masks in wanted)
        done = 0
        stop = threading.Event()
        lock = threading.Lock()

        def advance(count: int) -> None:
            nonlocal done
            with lock:
                done += count
                if progress is not None and not stop.is_set() and not progress(done, total):
                    stop.set()

        def work(row: int) -> None:
            table = self.tables[row]
            users = table.broadcast.floors.size
            expected_s = 40e-6 * users**2 * (1 + chosen.rounds) + 60e-6 * chosen.max_nodes
            piece = max(1, int(_PIECE_SECONDS / expected_s))
            for first in range(0, wanted[row].size, piece):
                if stop.is_set():
                    return
                masks = np.ascontiguousarray(wanted[row][first : first + piece])
                table.solve(masks, chosen, int(self.blocks[row]))
                advance(masks.size)
            table.close()

        rows = [row for row in order if wanted[row].size]
        with ThreadPoolExecutor(self.threads) as pool:
            futures = [pool.submit(work, row) for row in rows]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
            finally:
                for row in rows:
                    self.tables[row].close()
        return not stop.is_set()

    def rate(self, block: int, nodes: Sequence[int]) -> RateBounds:
        """rho_k(S) of one requested block, computed now if it is not known.

        Parameters
        ----------
        block
            Block index k.
        nodes
            Participating nodes S.
        """
        row = int(np.searchsorted(self.blocks, block))
        if row >= self.blocks.size or self.blocks[row] != block:
            raise KeyError(f"block {block} is not requested by any user")
        mask = sum(1 << node for node in set(nodes))
        table = self.tables[row]
        if not table.solved[mask]:
            table.solve(np.array([mask], np.int64), self.settings, block)
        return RateBounds(
            float(self._bps(table.lower[mask])), float(self._bps(table.upper[mask])), int(table.status[mask])
        )

    def _bps(self, snr: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
        return np.asarray(self.problem.instance.bandwidth_hz * np.log1p(snr) / np.log(2.0))

    def lower_bps(self) -> NDArray[np.float64]:
        """(R, 2^N) rates of the beams in hand; 0 where no beam meets the QoS."""
        return self._bps(np.stack([table.lower for table in self.tables]))

    def upper_bps(self) -> NDArray[np.float64]:
        """(R, 2^N) proved upper bounds on rho_k(S); 0 where S is proved unable to meet the QoS."""
        return self._bps(np.stack([table.upper for table in self.tables]))

    def beam(self, row: int, mask: int) -> NDArray[np.complex128]:
        """(N, N_t) beamformer in hand of the ``row``-th requested block and set ``mask``, in sqrt(W)."""
        table = self.tables[row]
        return table.broadcast.beam(table.x[mask], table.share[mask])
