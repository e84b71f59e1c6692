"""How many synthetic samples an episode may add: equation (22)."""

from __future__ import annotations

import math

ROUNDING = 1e-9
"""A product this close below an integer counts as that integer: 0.29 x 100 means 29."""


def sample_cap(episode: int, steps: int, *, zeta: float, chi: float, interval: int) -> int:
    """floor(zeta K chi^floor(j / Delta)).

    Parameters
    ----------
    episode
        j, from 0.
    steps
        K, steps of the episode (blocks that it walks through).
    zeta, chi
        Share of synthetic samples at first, and the factor by which it falls.
    interval
        Delta, episodes between two falls.
    """
    return math.floor(zeta * steps * chi ** (episode // interval) + ROUNDING)
