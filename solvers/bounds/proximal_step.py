"""One step of a proximal bundle method: a small convex quadratic program by a primal-dual interior-point method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ITERATIONS = 60
_COMPLEMENTARITY = 1e-13
"""Mean product of slack and multiplier at which the iteration ends; all data are scaled to about 1."""

_REGULARISATION = 1e-13
"""Added to the diagonal of Newton's equations."""

_BACK_OFF = 0.995
"""Share of the way to the boundary that a step may go."""


def proximal_step(slopes: Array, errors: Array, centre: Array, proximity: float) -> tuple[Array, Array]:
    """Maximise min_i (e_i + g_i . d) - ||d||^2 / (2 t) over steps d from the centre c with c + d >= 0.

    Parameters
    ----------
    slopes
        (k, N) slopes g_i of the cuts, not all zero.
    errors
        (k,) e_i >= 0, how far each cut lies above the function at the centre; the smallest may be zero.
    centre
        (N,) c >= 0.
    proximity
        t > 0: how far the step may trust the cuts.

    Returns
    -------
    step
        (N,) d.
    weights
        (k,) convex combination of the cuts that is stationary at d, up to the multipliers of c + d >= 0.
    """
    # d = sqrt(t) u q with u = sqrt(t) max ||g||: slopes of length at most 1, and neither ||q|| nor a gain above 1
    unit = np.sqrt(proximity) * np.linalg.norm(slopes, axis=1).max()
    scaled = np.sqrt(proximity) * slopes / unit
    offsets = errors / unit**2
    near = offsets <= offsets.min() + 2.5  # a cut further above cannot be active
    lowest = np.maximum(-centre / (np.sqrt(proximity) * unit), -2.0)
    q, active = _interior_point(scaled[near], offsets[near], lowest)
    weights = np.zeros(errors.size)
    weights[near] = active / active.sum()
    return np.sqrt(proximity) * unit * q, weights


def _interior_point(slopes: Array, offsets: Array, lowest: Array) -> tuple[Array, Array]:
    """Maximise r - ||q||^2 / 2 subject to r <= a_i + h_i . q and q >= l; (q, multipliers of the cuts)."""
    cuts, n = slopes.shape
    matrix = np.zeros((cuts + n, n + 1))
    matrix[:cuts, :n], matrix[:cuts, n], matrix[cuts:, :n] = slopes, -1.0, np.eye(n)
    right = np.concatenate([-offsets, lowest])
    curvature = np.append(np.ones(n), 0.0)
    linear = np.append(np.zeros(n), -1.0)
    x = np.append(np.zeros(n), offsets.min() - 1.0)
    slack = np.maximum(matrix @ x - right, 0.1)
    dual = np.concatenate([np.full(cuts, 1.0 / cuts), np.full(n, 0.1)])
    for _ in range(_ITERATIONS):
        mean = float(slack @ dual) / slack.size
        if mean <= _COMPLEMENTARITY:
            break
        system = _NewtonSystem(matrix, curvature, slack, dual, linear + curvature * x, matrix @ x - right)
        _, slack_move, dual_move = system.solve(slack * dual)
        reach = min(_reach(slack, slack_move), _reach(dual, dual_move))
        ahead = float((slack + reach * slack_move) @ (dual + reach * dual_move)) / slack.size
        target = mean * (ahead / mean) ** 3  # Mehrotra's choice
        move, slack_move, dual_move = system.solve(slack * dual + slack_move * dual_move - target)
        reach = _BACK_OFF * min(_reach(slack, slack_move), _reach(dual, dual_move))
        x = x + reach * move
        slack = slack + reach * slack_move
        dual = dual + reach * dual_move
    return x[:n], dual[:cuts]


class _NewtonSystem:
    """Newton's equations at (x, slack s, dual z) of min x.Hx/2 + c.x, A x - s = b, s z = 0, H diagonal."""

    def __init__(
        self, matrix: Array, curvature: Array, slack: Array, dual: Array, gradient: Array, excess: Array
    ) -> None:
        self.matrix, self.slack, self.dual = matrix, slack, dual
        self.stationary = gradient - matrix.T @ dual
        self.primal = excess - slack
        self.normal = matrix.T @ (matrix * (dual / slack)[:, None])
        self.normal[np.diag_indices(curvature.size)] += curvature + _REGULARISATION

    def solve(self, products: Array) -> tuple[Array, Array, Array]:
        """Moves of x, s and z that change the products s z by -``products`` to first order."""
        weighted = (products + self.dual * self.primal) / self.slack
        move = np.asarray(
            np.linalg.solve(self.normal, -self.stationary - self.matrix.T @ weighted), dtype=np.float64
        )
        slack_move = self.matrix @ move + self.primal
        return move, slack_move, -(products + self.dual * slack_move) / self.slack


def _reach(point: Array, move: Array) -> float:
    """Longest step up to 1 that keeps the point non-negative."""
    shrinking = move < 0.0
    return min(1.0, float((-point[shrinking] / move[shrinking]).min(initial=np.inf)))
