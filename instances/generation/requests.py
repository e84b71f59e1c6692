"""Which model every user requests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.network.random_streams import Purpose, stream


def zipf_requests(n_users: int, n_models: int, exponent: float, seed: int) -> NDArray[np.int64]:
    """(U,) requested models: rank r of a random ranking has probability proportional to r^-exponent.

    The ranking and every user's uniform number do not depend on the exponent or the number of users.
    """
    ranking = np.argsort(stream(seed, Purpose.RANKING).random(n_models), kind="stable")
    weight = np.arange(1, n_models + 1, dtype=np.float64) ** -exponent
    cumulative = np.cumsum(weight / weight.sum())
    uniform = stream(seed, Purpose.REQUESTS).random(n_users)
    rank = np.minimum(np.searchsorted(cumulative, uniform, side="right"), n_models - 1)
    chosen: NDArray[np.int64] = ranking[rank].astype(np.int64)
    return chosen
