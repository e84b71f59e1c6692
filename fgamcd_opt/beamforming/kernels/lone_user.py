"""One user alone: amplitude and proved bound in closed form (F3 for any radii and powers), compiled."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.kernel import Array, kernel
from fgamcd_opt.problem.tolerances import MARGIN
from fgamcd_opt.problem.worst_case import NOISE_SHARE


@kernel
def lone_user(gram: Array, radius2: Array, balls: bool, user: int, share: Array) -> tuple[float, float]:
    """Amplitude and proved amplitude bound for one user alone (F3 for any radii and powers); fills ``share``.

    For any ``share`` the error -t_n g_n / ||g_n|| with t_n = eps_n^2 s_n / q (balls: eps_n) is admissible, so every
    beam has an amplitude of at most sum_n max(||g_n|| - t_n, 0), rounded upwards here. The bound is 0 where no node
    keeps more of its channel than rounding is worth: the checker takes the amplitude of any beam for 0 then.
    """
    n_nodes = gram.shape[0]
    # best shares: s_n = min(1, ||g_n|| q / eps_n^2) at the largest q with sum_n eps_n^2 s_n^2 >= q^2; balls: 0 or 1
    low, high = 0.0, np.sqrt(radius2[:, user].sum())
    trial = high
    for _ in range(100):
        square = 0.0
        for n in range(n_nodes):
            norm = np.sqrt(gram[n, user, user].real)
            if balls:
                share[n] = 1.0 if norm >= np.sqrt(radius2[n, user]) else 0.0
            else:
                share[n] = 1.0 if norm * trial >= radius2[n, user] else norm * trial / radius2[n, user]
            square += radius2[n, user] * share[n] ** 2
        if square >= trial * trial * (1.0 - 1e-14):
            low = trial
        else:
            high = trial
        if balls or high - low <= 1e-15 * high:
            break
        trial = 0.5 * (low + high)
    amplitude, bound = 0.0, 0.0
    square, linear = 0.0, 0.0
    for n in range(n_nodes):
        norm = np.sqrt(gram[n, user, user].real)
        amplitude += share[n] * norm
        square += radius2[n, user] * share[n] ** 2
        linear += np.sqrt(radius2[n, user]) * share[n]
    q = linear if balls else np.sqrt(square)
    audible = False
    for n in range(n_nodes):
        norm = np.sqrt(gram[n, user, user].real)
        if balls:
            cut = np.sqrt(radius2[n, user])
        else:
            cut = radius2[n, user] * share[n] / q if q > 0.0 else 0.0
        cut *= 1.0 - MARGIN
        bound += max(norm * (1.0 + MARGIN) - cut, 0.0)
        audible = audible or norm * (1.0 - 0.5 * NOISE_SHARE) > cut
    return amplitude - q, bound * (1.0 + MARGIN) if audible else 0.0
