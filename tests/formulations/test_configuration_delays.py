"""T_k(C) (F5) against a literal enumeration of all migrations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.testing.brute_force import configuration_delay, mask_of, subsets
from fgamcd_opt.testing.random_problems import random_problem


def random_rates(rng: np.random.Generator, rows: int, nodes: int) -> np.ndarray:
    """Any table of rates, monotone or not, some sets unable to serve."""
    rates = rng.uniform(1e7, 1e9, size=(rows, 1 << nodes)) * (rng.random((rows, 1 << nodes)) < 0.8)
    rates[:, 0] = 0.0
    return rates


@given(seed=st.integers(0, 2**32 - 1), nodes=st.integers(1, 3), shared=st.booleans())
def test_delays_against_all_migrations(seed, nodes, shared):
    problem = random_problem(seed, nodes=nodes)
    if shared:
        problem = type(problem)(problem.instance.replace(backhaul_bps=problem.instance.backhaul_bps[:1]))
    data = problem.instance
    rates = random_rates(np.random.default_rng(seed), data.requested_blocks.size, nodes)
    delay, participating = configuration_delays(problem, rates)
    assert np.isinf(delay[:, 0]).all()
    for row, block in enumerate(data.requested_blocks.tolist()):
        backhaul = data.backhaul_bps[block if data.backhaul_bps.shape[0] > 1 else 0]
        for caching in subsets(range(nodes)):
            if not caching:
                continue
            mask = mask_of(caching)
            expected = configuration_delay(data, block, rates[row], caching)
            assert delay[row, mask] == pytest.approx(expected, rel=1e-12)
            served = int(participating[row, mask])
            if math.isinf(expected):
                assert served == 0
                continue
            assert served & mask == mask
            added = [m for m in range(nodes) if (served & ~mask) >> m & 1]
            bits = 8.0 * data.block_bytes[block]
            moves = max((bits / backhaul[list(caching), m].max() for m in added), default=0.0)
            assert moves + bits / rates[row, served] == pytest.approx(expected, rel=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_higher_rates_never_lengthen_a_delay(seed):
    """With proved upper bounds on the rates the delays are lower bounds (F7)."""
    problem = random_problem(seed)
    rng = np.random.default_rng(seed)
    rates = random_rates(rng, problem.instance.requested_blocks.size, 3)
    faster = rates * rng.uniform(1.0, 1.5, size=rates.shape)
    assert (configuration_delays(problem, faster)[0] <= configuration_delays(problem, rates)[0]).all()
