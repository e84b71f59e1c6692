"""Geometry, radio channels and backhaul of a generated instance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.network.random_streams import (
    Purpose,
    complex_normal,
    rounded,
    rounded_complex,
    stream,
)
from fgamcd_opt.io.errors import InputError

_MAX_TRIES = 10_000


def grid_positions(n_nodes: int, area_m: float) -> NDArray[np.float64]:
    """(N, 2) nodes at the centres of ceil(sqrt(N)) columns, spread over rows as evenly as possible, in m."""
    columns = math.isqrt(n_nodes - 1) + 1
    rows = np.array_split(np.arange(n_nodes), -(-n_nodes // columns))
    positions = [
        (area_m * (column + 0.5) / len(row), area_m * (line + 0.5) / len(rows))
        for line, row in enumerate(rows)
        for column in range(len(row))
    ]
    return rounded(positions)


def uniform_positions(n_nodes: int, area_m: float, seed: int) -> NDArray[np.float64]:
    """(N, 2) nodes uniform on the square, in m; node n depends on the seed and n alone."""
    return rounded([area_m * stream(seed, Purpose.NODE_POSITION, n).random(2) for n in range(n_nodes)])


def user_positions(
    n_users: int, node_xy_m: NDArray[np.float64], area_m: float, min_distance_m: float, seed: int
) -> NDArray[np.float64]:
    """(U, 2) users uniform on the square, in m, at least ``min_distance_m`` from every node.

    User u depends on the seed, u and the nodes alone.

    Raises
    ------
    InputError
        If the nodes leave practically no room.
    """
    return np.array([user_position(u, node_xy_m, area_m, min_distance_m, seed) for u in range(n_users)])


def user_position(
    user: int, node_xy_m: NDArray[np.float64], area_m: float, min_distance_m: float, seed: int
) -> NDArray[np.float64]:
    """(2,) one of :func:`user_positions`."""
    generator = stream(seed, Purpose.USER_POSITION, user)
    for _ in range(_MAX_TRIES):
        position = rounded(area_m * generator.random(2))
        if ((position - node_xy_m) ** 2).sum(axis=1).min() >= min_distance_m**2:
            return position
    raise InputError(
        f"min_distance_m: {min_distance_m:g} leaves no room for users on a square of {area_m:g} m "
        f"with {len(node_xy_m)} nodes"
    )


def line_of_sight(
    node_xy_m: NDArray[np.float64], user_xy_m: NDArray[np.float64], antennas: int
) -> NDArray[np.complex128]:
    """(U, N, N_t) responses a_i = exp(j pi i sin theta) of uniform linear arrays along the x axis.

    Elements are half a wavelength apart; theta is the angle between the user's direction and broadside (the
    y axis), so that sin theta is the offset in x over the distance.
    """
    offset = user_xy_m[:, None, :] - node_xy_m[None, :, :]
    sine = offset[..., 0] / np.sqrt((offset**2).sum(axis=2))
    response: NDArray[np.complex128] = np.exp(1j * np.pi * sine[..., None] * np.arange(antennas))
    return response


def rician_channels(
    node_xy_m: NDArray[np.float64],
    user_xy_m: NDArray[np.float64],
    rows: NDArray[np.int64],
    *,
    antennas: int,
    gain: float,
    path_loss_exponent: float,
    rician_k: float,
    seed: int,
) -> NDArray[np.complex128]:
    """Channels sqrt(g0 d^-alpha) (sqrt(K/(K+1)) LoS + sqrt(1/(K+1)) CN(0, I)).

    Parameters
    ----------
    node_xy_m, user_xy_m
        (N, 2) and (U, 2) positions, in m.
    rows
        (H, 2) user and fading index of every channel, which alone determine its scattered part.
    antennas
        N_t.
    gain
        Power gain g0 at 1 m.
    path_loss_exponent
        alpha.
    rician_k
        K, power of the line of sight over that of the scattered part.
    seed
        Of the instance.

    Returns
    -------
    ndarray
        (H, N, N_t) amplitude ratios, rounded to single precision.
    """
    distance = np.sqrt(((user_xy_m[:, None, :] - node_xy_m[None, :, :]) ** 2).sum(axis=2))
    amplitude = np.sqrt(gain * distance**-path_loss_exponent)
    direct = line_of_sight(node_xy_m, user_xy_m, antennas)
    channels = np.empty((len(rows), len(node_xy_m), antennas), dtype=np.complex128)
    for row, (user, index) in enumerate(rows.tolist()):
        scattered = complex_normal(stream(seed, Purpose.FADING, user, index), (len(node_xy_m), antennas))
        mixed = np.sqrt(rician_k / (rician_k + 1)) * direct[user] + np.sqrt(1 / (rician_k + 1)) * scattered
        channels[row] = amplitude[user][:, None] * mixed
    return rounded_complex(channels)


def csi_radii(channel: NDArray[np.complex128], csi_delta: float) -> NDArray[np.float64]:
    """(H, N) radii eps = delta ||h|| of the CSI error of every channel (H, N, N_t)."""
    return rounded(csi_delta * np.sqrt((channel.real**2 + channel.imag**2).sum(axis=2)))


def backhaul(rows: int, n_nodes: int, min_bps: float, max_bps: float, seed: int) -> NDArray[np.float64]:
    """(rows, N, N) link rates uniform on [min_bps, max_bps], independent per link, direction and row.

    A link's rates depend on the seed and its two ends alone, so that more nodes or PBs keep the first ones.
    """
    rates = np.zeros((rows, n_nodes, n_nodes))
    for source in range(n_nodes):
        for target in range(n_nodes):
            if source != target:
                uniform = stream(seed, Purpose.BACKHAUL, source, target).random(rows)
                rates[:, source, target] = min_bps + (max_bps - min_bps) * uniform
    return np.floor(rates)


def cooperation(node_xy_m: NDArray[np.float64], radius_m: float) -> NDArray[np.bool_]:
    """(N, N) whether two nodes are at most ``radius_m`` apart: the edges of the cooperation graph."""
    distance = np.sqrt(((node_xy_m[:, None, :] - node_xy_m[None, :, :]) ** 2).sum(axis=2))
    near: NDArray[np.bool_] = distance <= radius_m
    return near & ~np.eye(len(node_xy_m), dtype=np.bool_)
