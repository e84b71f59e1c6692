"""Local search: what it returns fits, and no single move or exchange that the moves describe is left."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from knapsacks import medium_knapsack, optimum
from library_instances import library_instance

from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.heuristics.exchanges import WORTHWHILE, polish, search
from fgamcd_opt.testing.brute_force import full_oracle


@pytest.mark.parametrize("seed", range(6))
def test_no_move_and_no_exchange_is_left(seed):
    """All pairs of columns of all pairs of blocks, one of which gets quicker."""
    knapsack = medium_knapsack(seed, 1.8)
    rng = np.random.default_rng(seed)
    starts = knapsack.starts
    found = polish(knapsack, rng.integers(starts[:-1], starts[1:]))
    assert found is not None
    assert knapsack.fits(found)
    delay = knapsack.total_delay_s(found)
    assert delay >= optimum(knapsack) * (1 - 1e-9)
    for k, other in itertools.permutations(range(knapsack.n_blocks), 2):
        for c in range(starts[k], found[k]):
            for d in range(starts[other], starts[other + 1]):
                changed = found.copy()
                changed[k], changed[other] = c, d
                gain = delay - knapsack.total_delay_s(changed)
                assert gain <= 3 * WORTHWHILE * delay or not knapsack.fits(changed)


@pytest.mark.parametrize("seed", range(6))
def test_unpromising_choices_are_moved_but_not_exchanged(seed):
    knapsack = medium_knapsack(seed, 1.8)
    rng = np.random.default_rng(seed)
    begin = rng.integers(knapsack.starts[:-1], knapsack.starts[1:])
    moved, exchanged = polish(knapsack, begin, 0.0), polish(knapsack, begin)
    assert moved is not None
    assert exchanged is not None
    assert knapsack.fits(moved)
    assert knapsack.total_delay_s(exchanged) <= knapsack.total_delay_s(moved)


def test_storage_too_small_for_the_blocks_is_no_choice():
    knapsack = medium_knapsack(0, storage_share=0.7)
    assert knapsack.size_bytes.sum() > knapsack.storage_bytes.sum()
    assert search(knapsack, np.zeros(knapsack.storage_bytes.size)) is None


@pytest.mark.parametrize("name", ["tiny-n3-u3-s1-0040MB", "tiny-n3-u3-s6-0045MB"])
def test_where_no_repair_is_found_the_search_begins_with_first_places(name):
    """Three caches with room for one large block each: retreats from the quickest caching sets end nowhere."""
    problem = P1(library_instance(name))
    knapsack = build_knapsack(problem, full_oracle(problem).lower_bps())
    assert polish(knapsack, knapsack.starts[:-1]) is None  # columns are sorted by delay
    found = search(knapsack, np.zeros(knapsack.storage_bytes.size))
    assert found is not None
    assert knapsack.fits(found)
    assert knapsack.total_delay_s(found) == pytest.approx(optimum(knapsack), rel=1e-2)
