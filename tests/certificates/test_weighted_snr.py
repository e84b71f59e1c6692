"""The bound on the worst user from a bound on the weighted sum, against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.certificates.weighted_snr import worst_snr_bound

POSITIVE = st.floats(1e-6, 1e6)
USERS = st.lists(st.tuples(POSITIVE, st.one_of(st.just(0.0), POSITIVE)), min_size=1, max_size=6)


def least_sum(t: Fraction, users: list[tuple[float, float]]) -> Fraction:
    """sum_u y_u max(t, s_u^2), exactly."""
    return sum((Fraction(y) * max(t, Fraction(floor)) for y, floor in users), Fraction(0))


@given(users=USERS, total=st.floats(0.0, 1e9))
def test_bound_is_safe_and_sharp(users, total):
    """At the bound the least weighted sum is not below the total, and a little below the bound it is not above it."""
    y, floors = (np.array(column) for column in zip(*users, strict=True))
    bound = float(worst_snr_bound(np.array(total), y, floors))
    if bound == 0.0:
        assert least_sum(Fraction(0), users) > Fraction(total)
        return
    assert least_sum(Fraction(bound), users) >= Fraction(total)
    below = Fraction(bound) * (1 - Fraction(1, 10**9)) - Fraction(1, 10**15)
    scale = least_sum(Fraction(0), users) + Fraction(total)  # what the rounding margins are relative to
    assert least_sum(max(below, Fraction(0)), users) <= Fraction(total) + scale / 10**9


@given(users=USERS, totals=st.lists(st.floats(0.0, 1e9), min_size=1, max_size=5))
def test_many_totals_at_once_give_the_same(users, totals):
    y, floors = (np.array(column) for column in zip(*users, strict=True))
    together = worst_snr_bound(np.array(totals)[:, None], y, floors)
    alone = [[float(worst_snr_bound(np.array(total), y, floors))] for total in totals]
    assert together.tolist() == alone
