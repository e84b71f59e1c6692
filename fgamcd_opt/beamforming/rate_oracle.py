"""Rate oracle: rho_k(S) of every transmission and node set, from below (a known beam) and above (proved).

In P1 itself the transmissions are the requested blocks; other variants divide the delivery (``P1.transmissions``).

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
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.transmissions import JOINT
from fgamcd_opt.problem.variants import Csi

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

    __repr__ = short_repr


def reduce_block(instance: Instance, block: int) -> Broadcast:
    """The broadcast problem of one requested block."""
    pairs = np.arange(instance.pair_block.size)[instance.block_pairs(block)]
    return reduce_pairs(instance, pairs, robust=True)


def reduce_pairs(instance: Instance, pairs: NDArray[np.int64], *, robust: bool) -> Broadcast:
    """The broadcast problem of one transmission.

    Parameters
    ----------
    instance
        The data of the problem.
    pairs
        (m,) requested pairs that are served together.
    robust
        Design for the error set (4); otherwise as if there were no channel error.
    """
    rows = instance.pair_channel[pairs]
    return Broadcast.reduce(
        instance.channel[rows],
        instance.csi_radius[rows] * float(robust),
        instance.power_w,
        instance.antennas,
        instance.noise_w,
        instance.qos_bps[instance.pair_user[pairs]],
        instance.bandwidth_hz,
        instance.error_set,
    )


class RateOracle:
    """Rates of all transmissions of one problem.

    Parameters
    ----------
    problem
        P1 or a variant; ``csi=nominal`` designs its beams, and bounds its rates, as if there were no channel error.
    settings
        Effort and seed of the beamforming.
    threads
        Threads that work side by side; the result does not depend on it.

    Raises
    ------
    UsageError
        The instance has so many nodes that their 2^N sets cannot be tabulated.
    """

    __repr__ = short_repr

    def __init__(self, problem: P1, settings: BeamformingSettings | None = None, threads: int = 1) -> None:
        self.problem = problem
        self.settings = settings or BeamformingSettings()
        self.threads = max(1, threads)
        instance, sent = problem.data, problem.transmissions
        if instance.n_nodes > MAX_NODES:
            raise UsageError(
                f"{instance.name}: has {instance.n_nodes} nodes; rates are tabulated for all 2^N node sets, which "
                f"goes up to {MAX_NODES} nodes; --solver exact takes more"
            )
        self.sent, self.blocks, self.senders = sent, sent.block, sent.sender
        self.masks = masks_by_size(instance.n_nodes)
        robust = problem.variant.csi is Csi.ROBUST
        pairs = np.split(np.argsort(sent.of_pair, kind="stable"), np.cumsum(sent.users())[:-1])
        self.tables = [SetTable(reduce_pairs(instance, served, robust=robust)) for served in pairs]

    def useful_masks(self, row: int) -> NDArray[np.int64]:
        """Node sets that may make the ``row``-th transmission, largest first."""
        if self.senders[row] != JOINT:
            return self.largest_masks(row)
        most = self.sent.max_senders
        return self.masks if most is None else self.masks[np.bitwise_count(self.masks) <= most]

    def largest_masks(self, row: int) -> NDArray[np.int64]:
        """Node sets that make the ``row``-th transmission when all nodes participate."""
        return np.array(self.sent.sending_sets(row, int(self.masks[0])), np.int64)

    def _all_send(self, row: int) -> bool:
        """Whether the participating nodes send all together, so that both sets are the same."""
        return bool(self.senders[row] == JOINT) and self.sent.max_senders is None

    @property
    def size(self) -> int:
        """Number of (transmission, S) problems in all."""
        return sum(self.useful_masks(row).size for row in range(len(self.tables)))

    @property
    def solved(self) -> int:
        """Number of (transmission, S) problems that the beamforming has worked on."""
        return sum(int(table.solved[1:].sum()) for table in self.tables)

    def keep_proofs(self) -> None:
        """Keep the evidence of the bounds that are proved from now on, for :mod:`fgamcd_opt.beamforming.rate_cache`."""
        for table in self.tables:
            table.keep_proofs()

    def compute(
        self,
        wanted: Sequence[NDArray[np.int64]] | None = None,
        settings: BeamformingSettings | None = None,
        progress: Progress | None = None,
    ) -> bool:
        """Work on sets of transmissions; on those not solved yet if ``wanted`` is not given.

        Parameters
        ----------
        wanted
            Per transmission, the masks to work on, largest first; sets solved before are tightened.
        settings
            Another effort for this call.
        progress
            Called with how far it is; may stop the work, whereupon what is done is kept.

        Returns
        -------
        bool
            False if it was stopped before the end.
        """
        if wanted is None:
            useful = [self.useful_masks(row) for row in range(len(self.tables))]
            wanted = [masks[~table.solved[masks]] for masks, table in zip(useful, self.tables, strict=True)]
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
            try:
                for first in range(0, wanted[row].size, piece):
                    if stop.is_set():
                        return
                    masks = np.ascontiguousarray(wanted[row][first : first + piece])
                    table.solve(masks, chosen, int(self.blocks[row]))
                    advance(masks.size)
            finally:
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
        return not stop.is_set()

    def open_masks(self, wanted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
        """Per transmission the sending sets behind the participating sets ``wanted`` (T, 2^N) whose gap is open."""
        chosen = []
        for row, table in enumerate(self.tables):
            masks = self.useful_masks(row)
            if self._all_send(row):
                used = wanted[row, masks]
            else:
                sets = np.arange(wanted.shape[1])
                used = np.array([wanted[row, sets & m == m].any() for m in masks], bool)
            gap = table.upper[masks] > table.lower[masks] * (1.0 + 2.0 * self.settings.tolerance)
            chosen.append(masks[used & gap])
        return chosen

    def without_beam(self) -> list[NDArray[np.int64]]:
        """Per transmission the sets that no known beam serves, though no proof says that none does."""
        return [
            masks[(table.status[masks] == 0) & (table.lower[masks] == 0.0)]
            for masks, table in ((self.useful_masks(row), table) for row, table in enumerate(self.tables))
        ]

    def rate(self, block: int, nodes: Sequence[int]) -> RateBounds:
        """rho_k(S) of one requested block, computed now if it is not known.

        Where the variant divides the delivery of the block, its first transmission is meant.

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
        sets = np.array(self.sent.sending_sets(row, mask), np.int64)
        missing = sets[~table.solved[sets]]
        if missing.size:
            table.solve(missing, self.settings, block)
        lower, upper = (self._best_sender(row, values)[mask] for values in (table.lower, table.upper))
        qos = int(table.status[sets].max(initial=-1))
        return RateBounds(float(self.bps(lower)), float(self.bps(upper)), qos)

    def _best_sender(self, row: int, snr: NDArray[np.float64]) -> NDArray[np.float64]:
        """(2^N,) SNR of the ``row``-th transmission by participating set, from the SNR by sending set."""
        if self._all_send(row):
            return snr
        sets = np.arange(snr.size)
        best = np.zeros_like(snr)
        for mask in self.useful_masks(row):
            holds = sets & mask == mask
            best[holds] = np.maximum(best[holds], snr[mask])
        return best

    def bps(self, snr: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
        """Rates B log2(1 + SNR) in bit/s."""
        return np.asarray(self.problem.data.bandwidth_hz * np.log1p(snr) / np.log(2.0))

    def lower_bps(self) -> NDArray[np.float64]:
        """(T, 2^N) rates of the known beams by participating set; 0 where no beam meets the QoS."""
        return self.bps(np.stack([self._best_sender(r, table.lower) for r, table in enumerate(self.tables)]))

    def upper_bps(self) -> NDArray[np.float64]:
        """(T, 2^N) proved upper bounds on rho_k(S); 0 where S is proved unable to meet the QoS."""
        return self.bps(np.stack([self._best_sender(r, table.upper) for r, table in enumerate(self.tables)]))

    def beam(self, row: int, mask: int) -> NDArray[np.complex128]:
        """(N, N_t) known beamformer of the ``row``-th transmission and participating set, in sqrt(W)."""
        table = self.tables[row]
        sets = self.sent.sending_sets(row, mask)
        if not sets:
            return np.zeros(table.broadcast.channels.shape[1:], np.complex128)
        mask = max(sets, key=lambda sending: float(table.lower[sending]))
        return table.broadcast.beam(table.x[mask], table.share[mask])
