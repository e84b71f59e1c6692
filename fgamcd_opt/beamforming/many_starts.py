"""A beam from many starts, for node sets on which the local search finds none and no bound proves that there is none.

The local search (core/beamforming/beam_search.hpp) takes the direction of every node from the
multipliers of the users. Where channels are alike or opposite, or errors as large as channels, that says nothing about
some nodes (G_n x = 0, or a signal worth just its error), and starts taken from the channels share their symmetry. Here
the beams themselves are the variables (:mod:`fgamcd_opt.beamforming.beam_cones`) and starts have random phases. One set
takes a tenth of a second, so this is kept for sets that are worked on again, because something depends on them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.beam_cones import CONES, Cones
from fgamcd_opt.instances.error_sets import ErrorSet

_STARTS = 64
"""Starts of a small problem: with 4 users at least 10 of 64 found the beam on every set that was looked at."""

_SMALL = 32
"""Real variables up to which all starts are used; beyond, their number falls with the square of the size."""

_FEWEST = 8
"""Starts of the largest problems."""

_BEST = 8
"""Starts that are kept once they meet the QoS, and judged in the end."""

_OFF_GRID = 0.1
"""Deviation in rad of the starts around the quarter turns, which keeps them off saddles between symmetric beams."""

_HELD = 20
"""Newton steps before phases follow the beams: sooner, all starts run into the same beam."""

_FIRST_BARRIER, _LAST_BARRIER, _FALL = 1.0, 2e-8, 0.3
"""Weights of the barrier, for levels of about 1: the last one leaves about a millionth of the level to gain."""

_SECOND_BARRIER = 1e-2
"""First weight where a point is near the optimum."""

_STEPS = 6
"""Newton steps per weight of the barrier at most."""

_CENTRED = 0.3
"""Squared Newton decrement below which a point is central enough."""

_TOKEN = 1e-3
"""Share of the sum of its channels' norms that a user without a floor is to get first."""

_MARGIN = 1e-7
"""Relative room above the floors from which the common level is raised."""

_LEAST_PART = 1e-4
"""Share of the largest ||G_n x|| that coordinates x keep at every node, so that its direction has digits."""


def beams_from_many_starts(
    channels: NDArray[np.complex128],
    radii: NDArray[np.float64],
    floors: NDArray[np.float64],
    error_set: ErrorSet,
    seeds: np.random.SeedSequence,
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """The best beams found for some nodes, in Gram coordinates x (c, m) and share (c, n), for the checker to judge.

    Parameters
    ----------
    channels, radii
        (m, n, N_t) channels of unit noise and node power, and (m, n) error radii; every user hears some node.
    floors
        (m,) amplitudes that have to be reached.
    error_set
        The set of errors.
    seeds
        Where the starts come from.
    """
    channels, radii = channels.transpose(1, 2, 0), radii.T
    if channels.shape[1] > channels.shape[2]:
        channels = np.linalg.qr(channels).R
    rows = channels.reshape(-1, channels.shape[2])
    gross = np.linalg.norm(channels, axis=1).sum(axis=0)
    # a level of 1 is about what a lone user could reach; the goal is the level at which all floors are met
    wanted = np.where(floors > 0.0, floors, _TOKEN * gross)
    scale = float((gross / wanted).min())
    weights, goal = wanted * scale, 1.0 / scale
    users = np.arange(floors.size)
    none = np.zeros(users.size)
    kind = CONES[type(error_set)]
    cones = kind(rows / weights, radii / weights, users, none + 1.0, none)
    points, phase = _starts(cones, np.random.default_rng(seeds))
    points, phase = _climb(cones, points, phase, _FIRST_BARRIER, _HELD)
    order = np.argsort(-points[:, -1], kind="stable")[:_BEST]
    points, phase = points[order], phase[order]
    met = points[:, -1] > goal * (1.0 + _MARGIN)
    if met.any():  # the common level under the floors
        floored = np.flatnonzero(floors > 0.0)
        level = np.concatenate([np.zeros(floored.size), weights.min() / weights])
        floor = np.concatenate([np.full(floored.size, goal), none])
        asked = np.concatenate([floored, users])
        cones = kind(rows / weights, radii / weights, asked, level, floor)
        points, phase = points[met], phase[met]
        points[:, -1] = goal
        points, phase = _climb(cones, points, phase, _SECOND_BARRIER, 0)
    multipliers = phase * cones.multipliers(points, phase) / weights
    return _coordinates(rows, len(channels), cones.beams(points), multipliers)


def _starts(cones: Cones, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Interior points, and phases: half of them near quarter turns, as structured channels have them."""
    count = max(_FEWEST, min(_STARTS, int(_STARTS * (_SMALL / cones.size) ** 2)))
    users = cones.channels.shape[1]
    angle = rng.uniform(0.0, 2.0 * np.pi, (count, users))
    quarter = 0.5 * np.pi * rng.integers(0, 4, (count // 2, users))
    angle[: count // 2] = quarter + _OFF_GRID * rng.standard_normal(quarter.shape)
    return cones.interior(count), np.exp(1j * angle)


def _climb(
    cones: Cones,
    points: NDArray[np.float64],
    phase: NDArray[np.complex128],
    barrier: float,
    held: int,
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Follow the central path to its end; phases follow the beams after ``held`` steps."""
    done = 0
    while barrier > _LAST_BARRIER:
        for _ in range(_STEPS):
            points, decrement = cones.advance(points, phase, barrier)
            done += 1
            if done > held:
                phase = cones.phases(points)
            if decrement < _CENTRED:
                break
        barrier *= _FALL
    return points, phase


def _coordinates(
    rows: NDArray[np.complex128],
    n_nodes: int,
    beams: NDArray[np.complex128],
    multipliers: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Gram coordinates of beams: two candidates for each.

    Coordinates x with G_n x along w_n at every node solve a linear system in which the size of G_n x is free: that of
    the multipliers, which solve it on the central path, or a small one where they leave none.
    """
    per_node = beams.reshape(len(beams), n_nodes, -1)
    norms = np.linalg.norm(per_node, axis=2)
    unit = per_node / np.where(norms > 0.0, norms, 1.0)[:, :, None]
    along = (unit.conj() * (multipliers @ rows.T).reshape(unit.shape)).sum(axis=2).real
    size = np.maximum(along, _LEAST_PART * along.max(axis=1, keepdims=True))
    target = (size[:, :, None] * unit).reshape(beams.shape)
    moved = multipliers + (target - multipliers @ rows.T) @ np.linalg.pinv(rows).T
    share = np.minimum(norms, 1.0)
    return np.concatenate([multipliers, moved]), np.concatenate([share, share])
