"""From node sets per caching unit to a full decision of P1: caching, cheapest migration, known beams."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.configuration_delays import caching_units
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.delay import pair_rates_bps
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.tolerances import owed_rate_bps


class BeamSource(Protocol):
    """Whatever holds the beams of the transmissions."""

    def beam(self, row: int, mask: int) -> NDArray[np.complex128]:
        """(N, N_t) beamformer of the ``row``-th transmission for participants ``mask``, in sqrt(W)."""
        ...


def decision_from_masks(
    problem: P1, oracle: BeamSource, caching: NDArray[np.int64], participating: NDArray[np.int64]
) -> Decision:
    """Decision that caches and sends every caching unit as the bit masks say.

    Parameters
    ----------
    problem, oracle
        P1 or a variant, and its rates.
    caching, participating
        (units,) bit masks of C and S, S containing C; in P1 itself the units are the requested blocks. Every node of S
        outside C receives the block from the node of C with the fastest link.
    """
    unit = caching_units(problem)
    placed, moved = placement_from_masks(problem.data, caching[unit], participating[unit])
    return Decision(placed, moved, beams_of(problem, oracle, participating[unit]))


def placement_from_masks(
    data: Instance, caching: NDArray[np.int64], participating: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Caching (N, K) and migration (N, N, K) from the bit masks C and S (R,) of the requested blocks."""
    n_nodes = data.n_nodes
    placed = np.zeros((n_nodes, data.n_blocks), bool)
    moved = np.zeros((n_nodes, n_nodes, data.n_blocks), bool)
    for row, block in enumerate(data.requested_blocks.tolist()):
        holders = [n for n in range(n_nodes) if (int(caching[row]) >> n) & 1]
        placed[holders, block] = True
        link = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
        for m in range(n_nodes):
            if (int(participating[row] & ~caching[row]) >> m) & 1:
                moved[max(holders, key=lambda n, m=m: link[n, m]), m, block] = True  # type: ignore[misc]
    return placed, moved


def beams_of(problem: P1, oracle: BeamSource, participating: NDArray[np.int64]) -> NDArray[np.complex128]:
    """(T, N, N_t) known beams for the participating sets (R,) of the requested blocks, in sqrt(W).

    A transmission that the cloud makes more quickly, or that cannot meet the QoS, is left to the cloud if there is one.
    """
    data, sent = problem.data, problem.transmissions
    row_of_block = np.searchsorted(data.requested_blocks, sent.block)
    beams = np.stack([oracle.beam(t, int(participating[row])) for t, row in enumerate(row_of_block.tolist())])
    cloud = problem.variant.cloud_rate_bps
    if cloud is not None:
        rate = pair_rates_bps(data, beams, sent.of_pair)
        late = rate < owed_rate_bps(data.qos_bps[data.pair_user])
        slowest = np.full(sent.count, np.inf)
        np.minimum.at(slowest, sent.of_pair, np.where(late, 0.0, rate))
        beams[slowest * sent.users() < cloud] = 0.0
    return beams
