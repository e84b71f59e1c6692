"""From node sets per block to a full decision of P1: caching, cheapest migration, beams in hand."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.decision import Decision
from fgamcd_opt.problem import P1


class BeamSource(Protocol):
    """Whatever holds the beams of the requested blocks."""

    def beam(self, row: int, mask: int) -> NDArray[np.complex128]:
        """(N, N_t) beamformer of the ``row``-th requested block for participants ``mask``, in sqrt(W)."""
        ...


def decision_from_masks(
    problem: P1, oracle: BeamSource, caching: NDArray[np.int64], participating: NDArray[np.int64]
) -> Decision:
    """Decision that caches and broadcasts every requested block as the bit masks say.

    Parameters
    ----------
    problem, oracle
        P1 and its rates.
    caching, participating
        (R,) bit masks of C and S, S containing C, per requested block. Every node of S outside C receives the
        block from the node of C with the fastest link.
    """
    data = problem.instance
    n_nodes, blocks = data.n_nodes, data.requested_blocks
    placed = np.zeros((n_nodes, data.n_blocks), bool)
    moved = np.zeros((n_nodes, n_nodes, data.n_blocks), bool)
    beams = np.zeros((blocks.size, n_nodes, data.channel.shape[2]), np.complex128)
    for row, block in enumerate(blocks.tolist()):
        holders = [n for n in range(n_nodes) if (int(caching[row]) >> n) & 1]
        placed[holders, block] = True
        link = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
        for m in range(n_nodes):
            if (int(participating[row] & ~caching[row]) >> m) & 1:
                moved[max(holders, key=lambda n, m=m: link[n, m]), m, block] = True  # type: ignore[misc]
        beams[row] = oracle.beam(row, int(participating[row]))
    return Decision(placed, moved, beams)
