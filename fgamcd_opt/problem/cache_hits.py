"""Cache hits of Qu et al. (arXiv 2405.03990): a whole model at one node that serves its user alone; numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.tolerances import owed_rate_bps
from fgamcd_opt.problem.worst_case import rate_from_amplitude, single_user_amplitude


def lone_service(instance: Instance) -> NDArray[np.bool_]:
    """Whether node n alone, with the lone-user beam of F3, reaches the QoS of user u for every block; shape (N, U)."""
    alone = single_user_amplitude(
        instance.channel[instance.pair_channel][:, :, None, :],
        instance.csi_radius[instance.pair_channel][:, :, None],
        instance.power_w[:, None],
        instance.error_set,
    )
    rate = rate_from_amplitude(alone, instance.bandwidth_hz, instance.noise_w)
    reached = rate >= owed_rate_bps(instance.qos_bps[instance.pair_user, None])
    serves = np.ones((instance.n_users, instance.n_nodes), dtype=np.bool_)
    np.logical_and.at(serves, instance.pair_user, reached)
    return serves.T


def hit_ratio(instance: Instance, caching: NDArray[np.bool_]) -> float:
    """Share of users served alone by one node that caches their whole model.

    Parameters
    ----------
    instance
        Data of the problem.
    caching
        a_{n,k}, shape (N, K).
    """
    wanted = instance.model_blocks[instance.requests]
    holds = ~(~caching @ wanted.T)
    return float((holds & lone_service(instance)).any(axis=0).mean())
