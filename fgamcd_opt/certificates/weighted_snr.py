"""From a proved bound on a weighted sum of the users' SNRs to a bound on the worst one, under QoS (numpy alone)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.problem.tolerances import MARGIN


def worst_snr_bound(
    total: NDArray[np.float64], y: NDArray[np.float64], floors2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Largest worst-case SNR t that ``sum_u y_u SNR_u <= total`` leaves to the worst user; 0 if QoS is impossible.

    A beam that meets (9b) has SNR_u >= max(t, s_u^2), hence sum_u y_u max(t, s_u^2) <= total. For every set A of
    users t <= (total - sum_{u not in A} y_u s_u^2) / sum_{u in A} y_u; the sets of the users with the smallest
    floors give the exact answer. All roundings go upwards, so the result is proved if ``total`` is.

    Parameters
    ----------
    total
        (...,) proved bounds on the weighted sum.
    y
        (m,) or (..., m) weights > 0.
    floors2
        (m,) SNR floors s_u^2 = 2^{R_u/B} - 1, none above its true value.
    """
    order = np.argsort(floors2)
    sorted_y = y[..., order]
    weight = np.cumsum(sorted_y, axis=-1) * (1.0 - MARGIN)
    taken = sorted_y * floors2[order] * (1.0 - MARGIN)
    beyond = np.zeros((*taken.shape[:-1], taken.shape[-1] + 1))  # users from the j-th on
    beyond[..., :-1] = np.cumsum(taken[..., ::-1], axis=-1)[..., ::-1] * (1.0 - MARGIN)
    room = np.asarray(total, dtype=np.float64)[..., None] * (1.0 + MARGIN) - beyond
    level = (room[..., 1:] / weight).min(axis=-1) * (1.0 + 2.0 * MARGIN) + 1e-300
    return np.where(room[..., 0] < 0.0, 0.0, np.maximum(level, 0.0))
