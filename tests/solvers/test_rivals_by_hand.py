"""coarse, no-cooperation, tdma-unicast and hybrid on problems that are solved by hand or in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from knapsacks import hand_knapsack

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solvers.rivals.coarse import place_by_popularity
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.status import StopReason

MB = 10**6
CLOUD = Variant.parse({"unserved": "cloud(1e8)"})
TIGHT = {"gap": 1e-9}


def two_cells(
    gains: list[list[float]], *, storage_mb=(4, 4), delta: float = 0.0, users_at=(10.0, 990.0)
) -> Instance:
    """Nodes at 0 m and 1000 m, one antenna each; every user wants the same block of 4 MB; B = 100 MHz, sigma^2 = 1 W.

    ``gains[u][n]`` is the channel from node n to user u.
    """
    channel = np.array(gains, complex)[:, :, None]
    users = channel.shape[0]
    return Instance(
        name="two cells",
        block_bytes=np.array([4 * MB]),
        model_blocks=np.ones((1, 1), bool),
        requests=np.zeros(users, np.int64),
        storage_bytes=np.array(storage_mb) * MB,
        power_w=np.ones(2),
        antennas=np.ones(2, np.int64),
        bandwidth_hz=1e8,
        noise_w=1.0,
        backhaul_bps=np.full((1, 2, 2), 1e10),
        channel=channel,
        csi_radius=delta * np.abs(channel[:, :, 0]),
        pair_channel=np.arange(users),
        csi_set="ellipsoid",
        qos_bps=np.zeros(users),
        node_xy_m=np.array([[0.0, 0.0], [1000.0, 0.0]]),
        user_xy_m=np.array([[x, 0.0] for x in users_at]),
        block_names=("block",),
        model_names=("model",),
    )


def seconds(amplitude: float) -> float:
    """Air time of 4 MB at a received amplitude."""
    return 32e6 / (1e8 * np.log2(1.0 + amplitude**2))


def test_without_cooperation_each_cell_sends_the_block_to_its_own_user():
    """3 and 7 are the gains to the own users; CoMP would use 4 = 3 + 1 and 9 = 7 + 2 at once."""
    instance = two_cells([[3.0, 1.0], [2.0, 7.0]])
    result = solve(P1(instance), "no-cooperation", **TIGHT)
    assert result.delay_s == pytest.approx(seconds(3.0) + seconds(7.0), rel=1e-9)
    assert result.stop_reason is StopReason.OPTIMAL
    assert result.solution.decision.caching.all()
    assert not result.solution.decision.migration.any()
    together = solve(P1(instance), "exact", **TIGHT)
    assert together.delay_s == pytest.approx(seconds(4.0), rel=1e-6)


def test_without_cooperation_a_cell_without_room_needs_the_cloud():
    instance = two_cells([[3.0, 1.0], [2.0, 7.0]], storage_mb=(4, 3))
    assert solve(P1(instance), "no-cooperation").stop_reason is StopReason.INFEASIBLE
    served = solve(P1(instance, CLOUD), "no-cooperation", **TIGHT)
    assert served.delay_s == pytest.approx(seconds(3.0) + 32e6 / 1e8, rel=1e-9)
    assert served.verification.evaluation.cloud_blocks == 1
    assert served.verification.evaluation.served == 1


def test_without_cooperation_a_node_caches_for_its_own_users_only():
    """Both users live in the first cell, so the second node stays empty although its channel is far better."""
    instance = two_cells([[3.0, 9.0], [2.0, 9.0]], users_at=(10.0, 20.0))
    result = solve(P1(instance), "no-cooperation", **TIGHT)
    assert result.solution.decision.caching[:, 0].tolist() == [True, False]
    assert result.delay_s == pytest.approx(seconds(2.0), rel=1e-6)


@pytest.mark.parametrize("delta", [0.0, 0.1])
def test_tdma_is_the_sum_of_lone_users_in_closed_form(delta):
    """F3: amplitude = sum_n h_n - delta sqrt(sum_n h_n^2), one user after the other, both nodes at full power."""
    gains = [[3.0, 1.0], [2.0, 7.0]]
    result = solve(P1(two_cells(gains, delta=delta)), "tdma-unicast", **TIGHT)
    alone = [sum(h) - delta * np.hypot(*h) for h in gains]
    assert result.delay_s == pytest.approx(sum(map(seconds, alone)), rel=1e-9)
    assert str(result.variant) == "delivery=unicast_tdma"


def test_tdma_keeps_the_placement_of_the_reference():
    """On a preset, block by block: migration as in `exact`, then the closed form over the participating nodes."""
    instance = load("small")
    reference, result = (solve(P1(instance), name) for name in ("exact", "tdma-unicast"))
    decision = result.solution.decision
    for field in ("caching", "migration"):
        np.testing.assert_array_equal(getattr(decision, field), getattr(reference.solution.decision, field))
    sends = decision.participation.T[instance.pair_block]
    gain = np.linalg.norm(instance.channel[instance.pair_channel], axis=2) * np.sqrt(instance.power_w) * sends
    error = instance.csi_radius[instance.pair_channel] * np.sqrt(instance.power_w) * sends
    amplitude = gain.sum(axis=1) - np.sqrt((error**2).sum(axis=1))
    rate = instance.bandwidth_hz * np.log2(1.0 + amplitude**2 / instance.noise_w)
    air = (8.0 * instance.block_bytes[instance.pair_block] / rate).sum()
    moves = reference.verification.evaluation.migration_s.sum()
    assert result.delay_s == pytest.approx(air + moves, rel=1e-6)


def test_hybrid_with_threshold_zero_is_the_broadcast():
    problem = P1(load("small"))
    broadcast = solve(problem, "exact")
    hybrid = solve(problem, "hybrid", options={"threshold": 0})
    assert hybrid.delay_s == broadcast.delay_s
    assert str(hybrid.variant) == "delivery=hybrid(0)"


def test_hybrid_above_the_number_of_users_is_unicast_from_the_best_node():
    """Each user is served by one node alone: 3 against 1 for the first, 2 against 7 for the second."""
    problem = P1(two_cells([[3.0, 1.0], [2.0, 7.0]]))
    result = solve(problem, "hybrid", **TIGHT, options={"threshold": 2})
    assert result.delay_s == pytest.approx(seconds(3.0) + seconds(7.0), rel=1e-9)
    at_one = solve(problem, "hybrid", **TIGHT, options={"threshold": 1})
    assert at_one.delay_s == pytest.approx(seconds(4.0), rel=1e-6)


def test_hybrid_takes_the_best_threshold_of_all():
    problem = P1(load("tiny"))
    most = int(np.bincount(problem.instance.pair_block).max())
    each = [solve(problem, "hybrid", options={"threshold": t}).delay_s for t in range(most + 1)]
    best = solve(problem, "hybrid")
    assert best.delay_s == min(value for value in each if value is not None)
    assert best.variant.hybrid_threshold == each.index(best.delay_s)


def test_hybrid_refuses_a_negative_threshold():
    with pytest.raises(UsageError, match="threshold: -2 is below -1"):
        solve(P1(load("tiny")), "hybrid", options={"threshold": -2})


def test_a_threshold_that_misses_the_qos_is_no_solution():
    """The lone user of both nodes reaches 4, needs 3.5, and a node alone gives 3 at most."""
    instance = two_cells([[3.0, 1.0]], users_at=(10.0,))
    needed = instance.replace(qos_bps=np.array([1e8 * np.log2(1.0 + 3.5**2)]))
    result = solve(P1(needed), "hybrid", options={"threshold": 1})
    assert result.solution is None
    assert "qos violated" in result.message
    assert solve(P1(needed), "hybrid").variant.hybrid_threshold == 0


@pytest.mark.parametrize("name", ["tdma-unicast", "hybrid"])
def test_users_that_no_broadcast_serves_together_prove_nothing_about_another_delivery(name):
    """Orthogonal channels (3, 3) and (3, -3): alone each user reaches 6 and needs 5; no beam gives both over 3 sqrt(2).

    P1 has no solution, so there is no caching to start from; user by user there is one.
    """
    instance = two_cells([[3.0, 3.0], [3.0, -3.0]]).replace(qos_bps=np.full(2, 1e8 * np.log2(1.0 + 5.0**2)))
    assert solve(P1(instance), "exact").stop_reason is StopReason.INFEASIBLE
    alone = solve(P1(instance, Variant.parse({"delivery": "unicast_tdma"})), "exact", **TIGHT)
    assert alone.delay_s == pytest.approx(2 * seconds(6.0), rel=1e-6)
    result = solve(P1(instance), name)
    assert result.solution is None
    assert (result.stop_reason, result.infeasibility) == (StopReason.COMPLETED, None)
    assert "no caching to start from" in result.message
    out_of_reach = instance.replace(qos_bps=np.full(2, 1e8 * np.log2(1.0 + 7.0**2)))
    assert solve(P1(out_of_reach), name).stop_reason is StopReason.INFEASIBLE


def test_coarse_equals_block_caching_where_nothing_is_shared():
    """Reuse 0 and room for everything: whole models lose nothing (equal T)."""
    problem = P1(load("small", {"freeze": "0,0", "storage_gb": "9"}))
    by_block = solve(problem, "exact", gap=1e-6)
    for name in ("coarse", "coarse-exact"):
        assert solve(problem, name, gap=1e-6).delay_s == pytest.approx(by_block.delay_s, rel=1e-4)


def test_coarse_pays_for_shared_blocks_where_block_caching_does_not():
    """Reuse: the same blocks are sent once per model instead of once, even with room for everything."""
    problem = P1(load("small", {"storage_gb": "9"}))
    by_block, coarse = (solve(problem, name, gap=1e-6) for name in ("exact", "coarse-exact"))
    assert coarse.lower_bound_s > by_block.delay_s


def test_popularity_places_every_model_once_and_then_the_popular_ones_again():
    """Caches of 10; models of 4, 4 and 6 that 3, 2 and 1 users want, all quickest at node 0.

    The first two fill node 0 up to 8, the third goes to node 1, where 4 are left: for the most popular model. With the
    popularity reversed, the third and the second fill node 0, the first goes to node 1, and 6 are left there.
    """
    knapsack = hand_knapsack(
        size_bytes=[4, 4, 6],
        storage_bytes=[10, 10],
        delays_s=[{1: 1.0, 2: 2.0, 3: 0.5}, {1: 1.0, 2: 2.0, 3: 0.5}, {1: 1.0, 2: 2.0, 3: 0.5}],
    )
    columns = place_by_popularity(knapsack, np.array([3.0, 2.0, 1.0]))
    assert knapsack.mask[columns].tolist() == [3, 1, 2]
    reversed_order = place_by_popularity(knapsack, np.array([1.0, 2.0, 3.0]))
    assert knapsack.mask[reversed_order].tolist() == [2, 1, 3]


def test_popularity_gives_up_where_a_model_finds_no_room():
    knapsack = hand_knapsack(size_bytes=[6, 6, 6], storage_bytes=[10, 10], delays_s=[{1: 1.0, 2: 2.0}] * 3)
    assert place_by_popularity(knapsack, np.ones(3)) is None
