"""F1: the matrix inequality of the S-procedure holds exactly where the closed form says. Numpy alone, no solver."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.instances.error_sets import Balls, Ellipsoid
from fgamcd_opt.problem.worst_case import worst_case_amplitude, worst_error

MARGIN = 1e-3
"""Relative distance of the tested level from the closed form."""


def draw(seed: int, nodes: int, antennas: int, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Channel (N, N_t), beam (N, N_t) and radii (N,)."""
    rng = np.random.default_rng(seed)
    h, w = rng.standard_normal((2, nodes, antennas)) + 1j * rng.standard_normal((2, nodes, antennas))
    return h, w, radius * rng.uniform(0.2, 1.0, nodes)


def inequality(
    h: np.ndarray, w: np.ndarray, eps: np.ndarray, t: float, nu: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """[[W + C(nu), W h], [h^H W, h^H W h - t - sum nu]] with C(nu) = blkdiag(nu_n I / eps_n^2), and W h."""
    rank_one = np.outer(w.ravel(), w.ravel().conj())
    column = rank_one @ h.ravel()
    diagonal = np.repeat(nu / eps**2, h.shape[1])
    corner = (h.ravel().conj() @ column).real - t - nu.sum()
    return np.block([[rank_one + np.diag(diagonal), column[:, None]], [column.conj()[None], corner]]), column


def largest(function: Callable[[float], float], high: float) -> float:
    """Maximum of a concave function on [0, high] by ternary search."""
    low = 0.0
    for _ in range(90):
        first, second = low + (high - low) / 3.0, high - (high - low) / 3.0
        if function(first) < function(second):
            low = first
        else:
            high = second
    return function(0.5 * (low + high))


@given(
    seed=st.integers(0, 10_000),
    nodes=st.integers(1, 3),
    antennas=st.integers(1, 3),
    radius=st.floats(0.05, 1.0),
)
def test_ellipsoid_inequality_is_feasible_exactly_below_the_closed_form(
    seed: int, nodes: int, antennas: int, radius: float
) -> None:
    h, w, eps = draw(seed, nodes, antennas, radius)
    squared = float(worst_case_amplitude(h, w, eps, Ellipsoid())) ** 2

    def best(t: float) -> float:
        """Largest over nu of the smallest eigenvalue, which is concave in nu."""

        def smallest(nu: float) -> float:
            # one multiplier: C(nu) = nu C, so that it enters the corner once
            matrix, _ = inequality(h, w, eps, t, np.full(nodes, nu))
            matrix[-1, -1] += (nodes - 1) * nu
            return float(np.linalg.eigvalsh(matrix)[0])

        return largest(smallest, 2.0 * abs(np.vdot(h, w)) ** 2 + 1.0)

    if squared > 1e-4:
        assert best(squared * (1.0 - MARGIN)) > 0.0
    assert best(squared * (1.0 + MARGIN) + 1e-4) < 0.0


@given(
    seed=st.integers(0, 10_000),
    nodes=st.integers(1, 3),
    antennas=st.integers(1, 3),
    radius=st.floats(0.05, 1.0),
)
def test_balls_inequality_with_a_multiplier_per_node_is_exact_for_a_beam(
    seed: int, nodes: int, antennas: int, radius: float
) -> None:
    h, w, eps = draw(seed, nodes, antennas, radius)
    worst = float(worst_case_amplitude(h, w, eps, Balls()))
    scale = abs(np.vdot(h, w)) ** 2
    if worst > 1e-2:
        nu = eps * np.linalg.norm(w, axis=1) * worst
        matrix, _ = inequality(h, w, eps, worst**2, nu)
        assert np.linalg.eigvalsh(matrix)[0] >= -1e-11 * (scale + np.abs(matrix).max())
    # above it, the worst error gives a negative value whatever the multipliers
    error = worst_error(h, w, eps, Balls())
    vector = np.append(error.ravel(), 1.0)
    t = worst**2 * (1.0 + MARGIN) + 1e-4 * scale
    for nu in np.random.default_rng(seed).exponential(scale, (20, nodes)):
        matrix, _ = inequality(h, w, eps, t, nu)
        assert (vector.conj() @ matrix @ vector).real < 0.0
