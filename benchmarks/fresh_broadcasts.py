"""Broadcasts to new users of the paper's network, made by the instance generator's own functions."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.broadcast import Broadcast
from fgamcd_opt.instances.error_sets import error_set_named
from fgamcd_opt.instances.network.geometry import csi_radii, grid_positions, rician_channels, user_positions
from fgamcd_opt.instances.network.random_streams import from_decibel
from fgamcd_opt.instances.recipes.recipe import Recipe


def broadcast_of(recipe: Recipe, users: int, seed: int) -> Broadcast:
    """Broadcast without QoS to ``users`` new users of the recipe's network."""
    nodes = grid_positions(recipe.nodes, recipe.area_m)
    places = user_positions(users, nodes, recipe.area_m, recipe.min_distance_m, seed)
    channels = rician_channels(
        nodes,
        places,
        np.array([(user, 0) for user in range(users)]),
        antennas=recipe.antennas,
        gain=from_decibel(recipe.g0_db),
        path_loss_exponent=recipe.path_loss_exponent,
        rician_k=recipe.rician_k,
        seed=seed,
    )
    return Broadcast.reduce(
        channels,
        csi_radii(channels, recipe.csi_delta),
        np.array([from_decibel(p - 30.0) for p in np.broadcast_to(recipe.power_dbm, recipe.nodes).tolist()]),
        np.full(recipe.nodes, recipe.antennas),
        from_decibel(recipe.noise_dbm - 30.0),
        np.zeros(users),
        recipe.bandwidth_hz,
        error_set_named(recipe.csi_set),
    )


def rate_bps(recipe: Recipe, snr: float) -> float:
    """B log2(1 + SNR)."""
    return float(recipe.bandwidth_hz * np.log2(1.0 + snr))
