"""What channel errors do to a broadcast: sampled and worst errors, robust against nominal beams; beampatterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.instances.error_sets import ErrorSet
from fgamcd_opt.instances.network.geometry import line_of_sight
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.tolerances import owed_rate_bps
from fgamcd_opt.problem.worst_case import worst_error
from fgamcd_opt.studies.robustness.single_broadcast import BroadcastData, Design, design_beam

DESIGNS = ("robust", "nominal")
"""Made for the radii under study, and made as if there were no error."""

UNIFORM = "uniform"
"""Kind of an error drawn uniformly from the set."""

WORST_KINDS = {design: f"worst_for_{design}" for design in DESIGNS}
"""Kind of the error on the boundary that is the worst one for the beam of a design (F1)."""


def sample_errors(
    radii: NDArray[np.float64],
    antennas: NDArray[np.int64],
    n_antennas: int,
    error_set: ErrorSet,
    count: int,
    generator: np.random.Generator,
) -> NDArray[np.complex128]:
    """Draw errors uniformly from the error set (4) of each user, independently.

    A uniform point of the unit ball of C^d is a uniform direction times U^(1/(2d)), U uniform on (0, 1). The set
    is a product of such balls, stretched by the radii. Nodes with radius zero have no error and do not count in d.
    The same generator state gives the same points of the unit ball, whatever the size of the radii.

    Parameters
    ----------
    radii
        (m, S) radii eps, as the channels.
    antennas
        (S,) antennas of each node; errors are zero beyond them.
    n_antennas
        N_t, the last axis.
    error_set
        The set of errors.
    count
        Errors per user.
    generator
        Source of randomness.

    Returns
    -------
    ndarray
        (count, m, S, N_t) errors.
    """
    users, nodes = radii.shape
    present = (np.arange(n_antennas) < antennas[:, None]) & (radii > 0)[..., None]
    normal = generator.standard_normal((2, count, users, nodes, n_antennas))
    direction = np.where(present, normal[0] + 1j * normal[1], 0.0)
    axes = error_set.ball_axes
    size = np.maximum(present.sum(axis=axes, keepdims=True), 1)  # d, per ball
    length = np.sqrt((np.abs(direction) ** 2).sum(axis=axes, keepdims=True))
    depth = generator.random((count, users, nodes, 1))[:, :, : size.shape[1]] ** (0.5 / size)
    unit = np.divide(direction, length, out=np.zeros_like(direction), where=length > 0)
    return np.asarray(radii[..., None] * depth * unit)


@dataclass(frozen=True, eq=False)
class ErrorStudy:
    """Rates of the robust and the nominal beam on the same errors.

    Parameters
    ----------
    data
        The broadcast with the radii under study.
    delta
        eps = delta ||h^||.
    designs
        Beam of each of `DESIGNS`.
    kinds
        Kind of each of the J realisations: ``uniform``, or the worst error for one of the two beams. In a
        realisation every user has its own error.
    rates_bps
        (J, m) rates of each of `DESIGNS`, in bit/s.
    """

    data: BroadcastData
    delta: float
    designs: dict[str, Design]
    kinds: tuple[str, ...]
    rates_bps: dict[str, NDArray[np.float64]]

    __repr__ = short_repr

    def uniform_rates_bps(self, design: str) -> NDArray[np.float64]:
        """(count, m) rates of a design on the uniform errors alone."""
        return self.rates_bps[design][[kind == UNIFORM for kind in self.kinds]]

    def worst_rates_bps(self, design: str) -> NDArray[np.float64]:
        """(m,) worst-case rates of a design, in closed form (F1)."""
        return self.data.worst_rates_bps(self.designs[design].beam)


def below_qos(rates_bps: NDArray[np.float64], qos_bps: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rates (..., m) miss R_u by more than the checker puts down to rounding."""
    return np.asarray(rates_bps < owed_rate_bps(qos_bps))


def study_errors(
    data: BroadcastData, delta: float, nominal: Design, count: int, settings: BeamformingSettings
) -> ErrorStudy:
    """Judge the robust and the nominal beam on the same errors.

    Parameters
    ----------
    data
        The broadcast; its own radii are not used.
    delta
        Size of the errors, eps = delta ||h^||.
    nominal
        Beam made for delta = 0.
    count
        Uniform errors per user, besides the worst one for either beam.
    settings
        Effort of the robust beam, and the seed, which also draws the errors.
    """
    actual = data.with_delta(delta)
    designs = {"robust": design_beam(actual, settings), "nominal": nominal}
    generator = np.random.default_rng(np.random.SeedSequence([settings.seed, data.block]))
    errors = sample_errors(
        actual.radii, data.antennas, data.channels.shape[2], data.error_set, count, generator
    )
    worst = [worst_error(data.channels, designs[name].beam, actual.radii, data.error_set) for name in DESIGNS]
    errors = np.concatenate([errors, np.stack(worst)])
    return ErrorStudy(
        actual,
        delta,
        designs,
        (*[UNIFORM] * count, *(WORST_KINDS[name] for name in DESIGNS)),
        {name: data.rates_bps(design.beam, errors) for name, design in designs.items()},
    )


def beampattern(beam: NDArray[np.complex128], angle_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Amplitude |w_n^H a(theta)| of every node, a(theta)_i = exp(j pi i sin theta) as in the channels.

    Parameters
    ----------
    beam
        (S, N_t) beamformers in sqrt(W).
    angle_rad
        (A,) angles to broadside in rad.

    Returns
    -------
    ndarray
        (S, A) amplitudes in sqrt(W); at most sqrt(P_n N_t).
    """
    towards = np.stack([np.sin(angle_rad), np.cos(angle_rad)], axis=1)
    response = line_of_sight(np.zeros((1, 2)), towards, beam.shape[1])[:, 0]
    return np.asarray(np.abs(beam.conj() @ response.T))


def user_angles_rad(node_xy_m: NDArray[np.float64], user_xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, U) angle to broadside, in [-pi/2, pi/2], at which each node sees each user.

    A linear array cannot tell front from back, so that users behind it are shown at their mirrored angle.
    """
    offset = user_xy_m[None] - node_xy_m[:, None]
    return np.asarray(np.arctan2(offset[..., 0], np.abs(offset[..., 1])))
