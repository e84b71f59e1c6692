"""One broadcast of P1 handed on as a cvxpy problem: its semidefinite relaxation by the S-procedure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fgamcd_opt.beamforming.broadcast import Broadcast
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.sdp_program import SdpProgram
from fgamcd_opt.io.optional import require_extra


def to_cvxpy(broadcast: Broadcast, nodes: Sequence[int] | None = None) -> Any:
    """The semidefinite relaxation of one broadcast, with all its numbers, as a cvxpy problem of your own.

    The equations are those of :mod:`fgamcd_opt.formulations.semidefinite.sdp_program`, without penalty:

        maximise   SNR                                                            (the least one, noise included)
        subject to W >= 0,  tr(W_nn) <= 1 for every sending node n, in units of P_n                  (9d)
                   worst-case SNR_u(W) >= max(SNR, 2^{R_u/B} - 1) for every user u, by Lemma 1       (6), (9b)

    Rank one is dropped. The optimum is an upper bound on the worst user's SNR as far as the solver's accuracy goes; a
    proved bound takes :func:`fgamcd_opt.formulations.semidefinite.sdr_proof.prove`. The rate is B log2(1 + SNR).

    Parameters
    ----------
    broadcast
        The block's data, such as :func:`fgamcd_opt.beamforming.rate_oracle.reduce_block` makes it of an instance.
    nodes
        The |S| sending nodes; all by default.

    Returns
    -------
        ``cvxpy.Problem``: its value is the SNR, its status ``infeasible`` if the QoS is out of reach of every W. The
        variable ``W`` (d, d) is Hermitian, in the coordinates of ``NodeSubspace.of(broadcast, nodes)``, whose
        ``lift`` turns an eigenvector into a beam; ``t`` is the SNR as a share of its largest possible value.

    Raises
    ------
    InputError
        If the nodes are none, twice or not in the broadcast, or some user hears none of them.
    BackendError
        If cvxpy is not installed.
    """
    require_extra("sdr", "a cvxpy problem", "cvxpy")
    import cvxpy as cp

    space = NodeSubspace.of(broadcast, range(broadcast.power_w.size) if nodes is None else nodes)
    program = SdpProgram(space.shape)
    program.load(space)
    return cp.Problem(cp.Maximize(program.unit_snr * program.t), program.problem.constraints)
