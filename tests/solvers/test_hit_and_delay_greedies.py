"""TrimCaching and greedy-delay on a network solved by hand, and greedy-delay's steps against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from library_instances import library_instance
from oracles import random_rates

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solvers.heuristics.growing_sets import GrowingSets
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import Status
from fgamcd_opt.testing.brute_force import best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem

MB = 10**6
SHARED, A, B, C = range(4)
SIZE_MB = np.array([6, 2, 2, 3])
RATE_BPS = 200e6  # 100 MHz x log2(1 + 3)
LINK_BPS = np.array([1e9, 0.5e9, 2e9, 0.25e9])
AIR_S = 8 * SIZE_MB.sum() * MB / RATE_BPS


def hand_problem(storage_mb: int, users_near=(0, 0, 0, 0, 0, 0)) -> P1:
    """Models a, b (with a common block) and c, wanted by 3, 2 and 1 users, who hear one node each, error-free.

    By default all of them hear node 0; what only node 1 stores comes over a link that differs by block.
    """
    model_blocks = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]], dtype=bool)
    requests = np.array([0, 0, 0, 1, 1, 2])
    pair_user = np.nonzero(model_blocks[requests].T)[1]
    channel = np.zeros((6, 2, 1), complex)
    channel[np.arange(6), list(users_near), 0] = 1.0
    links = np.zeros((4, 2, 2))
    links[:, 0, 1] = links[:, 1, 0] = LINK_BPS
    return P1(
        Instance(
            name="by hand",
            block_bytes=SIZE_MB * MB,
            model_blocks=model_blocks,
            requests=requests,
            storage_bytes=np.array([storage_mb, 13]) * MB,
            power_w=np.ones(2),
            antennas=np.ones(2, np.int64),
            bandwidth_hz=100e6,
            noise_w=1 / 3,
            backhaul_bps=links,
            channel=channel,
            csi_radius=np.zeros((6, 2)),
            pair_channel=pair_user,
            csi_set="ellipsoid",
            qos_bps=np.full(6, 0.9 * RATE_BPS),
            node_xy_m=np.zeros((2, 2)),
            user_xy_m=np.zeros((6, 2)),
            block_names=("shared", "a", "b", "c"),
            model_names=("model a", "model b", "model c"),
        )
    )


def delay_with_migration(*blocks: int) -> float:
    """T when exactly these blocks come from node 1."""
    return AIR_S + sum(8 * SIZE_MB[k] * MB / LINK_BPS[k] for k in blocks)


def cached_at(result, node: int) -> set[int]:
    return set(np.flatnonzero(result.solution.decision.caching[node]).tolist())


@pytest.mark.parametrize("name", ["trimcaching", "trimcaching-spec"])
def test_shared_blocks_are_stored_once_and_hits_decide(name):
    """11 MB hold models a and b (6 + 2 + 2). Without sharing a (8) and c (3) would: 4 hits instead of 5."""
    result = solve(hand_problem(11), name)
    assert cached_at(result, 0) == {SHARED, A, B}
    assert cached_at(result, 1) == {C}
    assert result.verification.evaluation.hit_ratio == 5 / 6
    assert result.delay_s == pytest.approx(delay_with_migration(C), rel=1e-6)
    assert result.counts["users_hit"] == 5
    assert result.counts["models_placed"] == 2
    assert result.counts["blocks_completed"] == 1


@pytest.mark.parametrize("name", ["trimcaching", "trimcaching-spec"])
def test_a_node_that_cannot_serve_a_user_is_no_hit(name):
    """The user of c hears node 1: its model goes there as a hit, and not as a block without a place."""
    result = solve(hand_problem(11, users_near=(0, 0, 0, 0, 0, 1)), name)
    assert cached_at(result, 0) == {SHARED, A, B}
    assert cached_at(result, 1) == {C}
    assert result.verification.evaluation.hit_ratio == 1.0
    assert result.counts["blocks_completed"] == 0


@pytest.mark.parametrize("name", ["trimcaching", "trimcaching-spec"])
def test_placed_models_are_not_moved_for_blocks_without_room(name):
    """Node 1 holds nothing, and c does not fit beside a and b: no solution, and the reason."""
    problem = hand_problem(11)
    data = problem.instance.replace(storage_bytes=np.array([12, 1]) * MB)
    result = solve(P1(data), name)
    assert result.status is Status.UNKNOWN
    assert "1 of 4 requested blocks found no room" in result.message
    assert solve(P1(data.replace(storage_bytes=np.array([13, 1]) * MB)), name).delay_s == pytest.approx(
        AIR_S, rel=1e-6
    )


@pytest.mark.parametrize(
    ("storage_mb", "remote"), [(13, ()), (11, (B,)), (9, (SHARED,)), (5, (SHARED, B)), (2, (SHARED, B, C))]
)
def test_greedy_delay_saves_the_most_per_byte(storage_mb, remote):
    """A byte at node 0 saves 8 / link rate: c before a before the shared block before b, as far as they fit.

    9 MB: c and a leave 4 MB, too little for the shared block, though it would save more than a and b together.
    """
    result = solve(hand_problem(storage_mb), "greedy-delay")
    assert cached_at(result, 0) == {SHARED, A, B, C} - set(remote)
    assert result.delay_s == pytest.approx(delay_with_migration(*remote), rel=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_growth_against_its_definition(seed):
    """Every enlargement of every block tried at every step; the lazy order must make no difference."""
    nodes = 2 + seed % 3
    problem = random_problem(
        seed, nodes=nodes, blocks=6, users=4, storage_share=3.0, missing_links=0.1, qos_share=0.0
    )
    data = problem.instance
    size = data.block_bytes[data.requested_blocks]
    delay, _ = configuration_delays(problem, random_rates(seed, size.size, nodes))
    sets = GrowingSets(delay, size, data.storage_bytes)
    sets.cover(sets.undeliverable)
    if sets.undeliverable.size:
        pytest.fail("choose seeds whose storage suffices")
    expected = grown_by_hand(delay, size, data.storage_bytes, sets.masks.tolist())
    sets.grow()
    assert sets.masks.tolist() == expected
    used = [sum(s for s, c in zip(size, expected, strict=True) if c >> n & 1) for n in range(nodes)]
    np.testing.assert_array_equal(sets.free_bytes, data.storage_bytes - used)
    assert sets.free_bytes.min() >= 0


def grown_by_hand(delay, size, storage, masks) -> list[int]:
    """The largest decrease per byte among all supersets of all caching sets that fit, until none decreases T."""
    while True:
        best, step = 0.0, None
        for row, mask in enumerate(masks):
            for larger in range(delay.shape[1]):
                if larger & mask != mask or larger == mask:
                    continue
                trial = [*masks[:row], larger, *masks[row + 1 :]]
                used = [
                    sum(s for s, c in zip(size, trial, strict=True) if c >> n & 1)
                    for n in range(storage.size)
                ]
                added = (larger.bit_count() - mask.bit_count()) * size[row]
                gain = (delay[row, mask] - delay[row, larger]) / added
                if gain > best and all(u <= q for u, q in zip(used, storage, strict=True)):
                    best, step = gain, (row, larger)
        if step is None:
            return masks
        masks[step[0]] = step[1]


def test_large_blocks_come_first_where_the_order_by_gain_leaves_no_room():
    """Two caches of 6 for blocks of 2, 4 and 6: the small one saves the most per byte, but must go beside the 4."""
    delay = np.array([[np.inf, 1.0, 40.0, 1.0], [np.inf, 9.0, 8.0, 8.0], [np.inf, 12.5, 12.0, 12.0]])
    sets = GrowingSets(delay, np.array([2, 4, 6]), np.array([6, 6]))
    sets.cover(sets.undeliverable)
    assert sets.masks.tolist() == [1, 1, 2]


def test_a_block_that_one_node_alone_cannot_deliver_gets_two_copies():
    delay = np.array([[math.inf, math.inf, math.inf, 3.0]])
    sets = GrowingSets(delay, np.array([5]), np.array([5, 5]))
    sets.cover(sets.undeliverable)
    assert sets.masks.tolist() == [3]
    cramped = GrowingSets(delay, np.array([5]), np.array([5, 4]))
    cramped.cover(cramped.undeliverable)
    assert cramped.undeliverable.tolist() == [0]
    assert "1 of 1 requested blocks found no room" in cramped.fault


@pytest.mark.parametrize("name", ["trimcaching", "trimcaching-spec", "greedy-delay"])
def test_with_a_cloud_a_block_without_room_comes_from_there(name):
    """As above, c finds no room: its one user waits 8 x 3 MB / 50 Mbit/s. Sent by node 0, it would take a quarter."""
    data = hand_problem(11).instance.replace(storage_bytes=np.array([10, 1]) * MB)
    result = solve(P1(data, Variant.parse({"unserved": "cloud(5e7)"})), name)
    local = [SHARED, A, B]
    assert cached_at(result, 0) == set(local)
    assert result.delay_s == pytest.approx(
        8 * MB * (SIZE_MB[local].sum() / RATE_BPS + SIZE_MB[C] / 5e7), rel=1e-6
    )
    assert result.verification.evaluation.cloud_blocks == 1


@pytest.mark.parametrize("name", ["trimcaching", "trimcaching-spec"])
def test_a_cloud_does_not_keep_blocks_out_of_caches_with_room(name):
    """Node 1 has room for c, and from there it is quicker: completion is the same as without a cloud."""
    problem = hand_problem(11)
    cloudy = P1(problem.instance, Variant.parse({"unserved": "cloud(5e7)"}))
    result = solve(cloudy, name)
    assert result.delay_s == pytest.approx(solve(problem, name).delay_s, rel=1e-9)
    assert result.verification.evaluation.cloud_blocks == 0


@pytest.mark.parametrize(("delays", "masks"), [((1.0, 90.0), [1, 0]), ((50.0, 80.0), [0, 1])])
def test_the_better_order_counts_where_a_cloud_delivers_what_is_left_out(delays, masks):
    """A cache of 6 for blocks of 2 and 6 that wait 100 s without it: both times the small one gains more per byte."""
    delay = np.array([[100.0, delays[0]], [100.0 if masks[0] else 200.0, delays[1]]])
    sets = GrowingSets(delay, np.array([2, 6]), np.array([6]))
    sets.cover(np.arange(2))
    assert sets.masks.tolist() == masks


@pytest.mark.parametrize("name", ["greedy-delay", "trimcaching", "trimcaching-spec"])
@pytest.mark.parametrize("instance", ["small-s4-0040MB", "small-s1-0080MB"])
def test_a_cloud_that_hardly_delivers_changes_nothing_where_everything_fits(name, instance):
    problem = P1(library_instance(instance))
    slow = P1(problem.instance, Variant.parse({"unserved": "cloud(1e3)"}))
    assert solve(slow, name).delay_s == solve(problem, name).delay_s


@pytest.mark.parametrize("name", ["trimcaching", "trimcaching-spec"])
def test_free_room_is_used_on_request_only(name):
    """Where every cache holds everything, filling it is optimal; hits alone leave it empty and are not, most times."""
    reached = []
    for seed in range(4):
        problem = random_problem(seed, blocks=4, qos_share=0.0, storage_share=8.0)
        best = best_delay(problem, full_oracle(problem).lower_bps())
        filled, left = (solve(problem, name, options={"fill": fill}).delay_s for fill in (1, 0))
        assert filled == pytest.approx(best, rel=1e-9)
        assert left >= filled
        reached.append(left > filled)
    assert sum(reached) >= 2
    with pytest.raises(UsageError, match="option fill: 2 is neither 0"):
        solve(random_problem(0), name, options={"fill": 2})
