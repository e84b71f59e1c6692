"""The cap of synthetic samples, equation (22), against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.learning.augmentation.sample_cap import sample_cap

hundredths = st.integers(0, 100)


@given(zeta=hundredths, chi=hundredths, steps=st.integers(0, 500), interval=st.integers(1, 40))
def test_cap_is_the_plain_loop_in_exact_fractions(zeta: int, chi: int, steps: int, interval: int) -> None:
    share = Fraction(zeta, 100) * steps
    for episode in range(120):
        if episode and episode % interval == 0:
            share *= Fraction(chi, 100)
        expected = share.numerator // share.denominator
        found = sample_cap(episode, steps, zeta=zeta / 100, chi=chi / 100, interval=interval)
        assert found == expected
        assert 0 <= found <= steps


def test_the_sources_values() -> None:
    """450 steps, zeta 0.8, chi 0.8, Delta 10: 360 at first, 288 after ten episodes, none in the end."""
    caps = [sample_cap(j, 450, zeta=0.8, chi=0.8, interval=10) for j in (0, 9, 10, 20, 599)]
    assert caps == [360, 360, 288, 230, 0]
