"""TrimCaching's two placements against loops over every pair and enumeration of every placement of models."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.solvers.rivals.model_hits import ModelHits, greedy_models
from fgamcd_opt.solvers.rivals.trimcaching_spec import successive_models
from fgamcd_opt.testing.brute_force import subsets


def used_bytes(hits: ModelHits, models) -> int:
    """Storage of one node that caches ``models``, shared blocks once."""
    blocks = {k for i in models for k in np.flatnonzero(hits.model_blocks[i]).tolist()}
    return sum(int(hits.block_bytes[k]) for k in blocks)


def count_hits(hits: ModelHits, placement) -> int:
    """Users hit by ``placement``, one collection of models per node."""
    return sum(
        any(model in models and hits.serves[n, u] for n, models in enumerate(placement))
        for u, model in enumerate(hits.requests.tolist())
    )


def most_hits(hits: ModelHits) -> int:
    """The best of all placements that fit."""
    fitting = [
        [models for models in subsets(range(hits.model_blocks.shape[0])) if used_bytes(hits, models) <= room]
        for room in hits.storage_bytes.tolist()
    ]
    return max(count_hits(hits, placement) for placement in itertools.product(*fitting))


def greedy_by_hand(hits: ModelHits) -> list[set[int]]:
    """One pair after the other: most new hits, then fewest new bytes, then lowest node and model."""
    placement: list[set[int]] = [set() for _ in hits.storage_bytes]
    while True:
        offers = []
        for n, i in itertools.product(range(len(placement)), range(hits.model_blocks.shape[0])):
            larger = [models | {i} if m == n else models for m, models in enumerate(placement)]
            gain = count_hits(hits, larger) - count_hits(hits, placement)
            size = used_bytes(hits, larger[n])
            if gain > 0 and size <= hits.storage_bytes[n]:
                offers.append((-gain, size - used_bytes(hits, placement[n]), n, i))
        if not offers:
            return placement
        _, _, n, i = min(offers)
        placement[n].add(i)


def as_sets(models: np.ndarray) -> list[set[int]]:
    return [set(np.flatnonzero(row).tolist()) for row in models]


@st.composite
def problems(draw):
    """Two or three nodes, three or four models over five blocks, up to twelve users."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    nodes, models, users = draw(st.integers(2, 3)), draw(st.integers(3, 4)), draw(st.integers(1, 12))
    model_blocks = rng.random((models, 5)) < 0.5
    model_blocks[np.arange(models), rng.integers(5, size=models)] = True
    sizes = rng.integers(1, 8, size=5)
    return ModelHits(
        block_bytes=sizes,
        model_blocks=model_blocks,
        requests=rng.integers(models, size=users),
        storage_bytes=rng.integers(0, sizes.sum() + 1, size=nodes),
        serves=rng.random((nodes, users)) < 0.6,
    )


@given(problems())
def test_greedy_takes_the_steps_of_the_definition(hits):
    models = greedy_models(hits)
    assert as_sets(models) == greedy_by_hand(hits)
    assert int(hits.users_hit(models).sum()) == count_hits(hits, as_sets(models)) <= most_hits(hits)


@given(problems(), st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_spec_guarantee_against_every_placement(hits, eps):
    placement = as_sets(successive_models(hits, eps))
    for models, room in zip(placement, hits.storage_bytes, strict=True):
        assert used_bytes(hits, models) <= room
    assert count_hits(hits, placement) >= (1 - eps) / 2 * most_hits(hits)


def one_node(storage: int, requests) -> ModelHits:
    """Models 0 to 2: one block of 10; blocks of 4 and 3; the same block of 4 and another one of 3. All are served."""
    return ModelHits(
        block_bytes=np.array([10, 4, 3, 3]),
        model_blocks=np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]], dtype=bool),
        requests=np.array(requests),
        storage_bytes=np.array([storage]),
        serves=np.ones((1, len(requests)), dtype=bool),
    )


def test_greedy_grabs_the_most_wanted_model_and_spec_does_not():
    """Room 10: the model that 3 want, or, since their common block is stored once, the two that 2 want each."""
    hits = one_node(10, [0, 0, 0, 1, 1, 2, 2])
    assert as_sets(greedy_models(hits)) == [{0}]
    assert as_sets(successive_models(hits, 0.1)) == [{1, 2}]
    apart = one_node(9, [0, 0, 0, 1, 1, 2, 2])
    assert len(as_sets(successive_models(apart, 0.1))[0]) == 1


def test_a_model_whose_blocks_are_there_already_costs_the_rest_alone():
    """Room 10 after model 1: model 2 needs 3 more, not 7, and is preferred to nothing else that fits."""
    hits = one_node(10, [1, 1, 1, 2, 2, 0])
    assert as_sets(greedy_models(hits)) == [{1, 2}]


@pytest.mark.parametrize("place", [greedy_models, lambda hits: successive_models(hits, 0.0)])
def test_no_copy_without_a_hit(place):
    """Node 1 could serve everybody, but node 0 hits them first: it stays empty."""
    hits = ModelHits(
        block_bytes=np.array([4]),
        model_blocks=np.array([[True]]),
        requests=np.array([0, 0]),
        storage_bytes=np.array([9, 9]),
        serves=np.ones((2, 2), dtype=bool),
    )
    assert as_sets(place(hits)) == [{0}, set()]
