"""What is executed and rewarded, against the rules written out by loops."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from games import fixed_game, preset_scenario
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.environment.rules import execute
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.problem.delay import BITS_PER_BYTE
from fgamcd_opt.testing.random_problems import random_problem

TIGHT = preset_scenario("small", "all", users="4", storage_gb="0.015", cooperation_radius_m="600")
TIGHT.warm()


def places_left(room: list[int], sizes: list[int]) -> bool:
    """Whether blocks of these sizes fit, each into the node that has most room left."""
    for size in sizes:
        room.sort()
        room[-1] -= size
    return min(room) >= 0


def allowed(
    scenario: Scenario, step: int, room: NDArray[np.int64], bits: NDArray[np.bool_], repair: str
) -> NDArray[np.bool_]:
    """The bits of one copy after masks and all repairs but that of missed QoS."""
    data, block = scenario.problem.data, int(scenario.step_block[step])
    size, nodes, rate = int(data.block_bytes[block]), range(data.n_nodes), data.backhaul_bps[block]
    takers = [n for n in nodes if bits[n, 0] and room[n] >= size]
    if repair != "none":
        later = [
            int(data.block_bytes[k]) for k in scenario.step_block[step + 1 :] if k in data.requested_blocks
        ]
        takers = sorted(takers, key=lambda n: (-room[n], n))
        while takers and not places_left([int(room[n]) - size * (n in takers) for n in nodes], later):
            takers.pop()
        roomiest = max(nodes, key=lambda n: (room[n], -n))
        if not takers and block in data.requested_blocks and room[roomiest] >= size:
            takers = [roomiest]
    done = np.zeros_like(bits)
    done[takers, 0] = True
    for m in nodes:
        senders = {n: m - (m > n) for n in takers if n != m and rate[n, m] > 0}
        used = [n for n, column in senders.items() if bits[n, 1 + column]]
        if repair != "none" and used:
            fastest = max(rate[n, m] for n in used)
            used = [n for n in used if m not in takers and rate[n, m] == fastest]
        for n in used:
            done[n, 1 + senders[n]] = True
    return done


@cache
def random_scenario(seed: int, nodes: int) -> Scenario:
    """A small random problem without some of the links, rates complete."""
    problem = random_problem(seed, nodes=nodes, storage_share=2.0, missing_links=0.3)
    scenario = Scenario(problem, steps="all")
    scenario.warm()
    return scenario


SCENARIOS = st.one_of(st.just(TIGHT), st.builds(random_scenario, st.integers(0, 3), st.integers(2, 4)))


@settings(max_examples=25)
@given(
    SCENARIOS, st.integers(0, 2**32), st.floats(0.05, 0.9), st.sampled_from(["none", "caching", "delivery"])
)
def test_masks_repairs_and_rewards(scenario: Scenario, seed: int, density: float, repair: str) -> None:
    game = fixed_game(scenario, copies=2, repair=repair, penalty_qos=7.0, penalty_undelivered=9.0)
    f5_delay_s, _ = configuration_delays(scenario.problem, scenario.rates.table_bps)
    data, nodes = scenario.problem.data, scenario.layout.n_nodes
    rng = np.random.default_rng(seed)
    for step in range(scenario.n_steps):
        room, wanted = game.room_bytes, scenario.requested[step]
        bits = rng.random((2, nodes, nodes)) < density
        taken = game.step(bits)
        for copy in range(2):
            expected = allowed(scenario, step, room[copy], bits[copy], repair)
            mask = int(expected[:, 0] @ (1 << np.arange(nodes)))
            before = scenario.delay_s(np.array([step]), expected[None].astype(np.uint8))[0]
            if repair == "delivery" and wanted and mask and np.isinf(before):
                assert taken.delay_s[copy] == pytest.approx(f5_delay_s[scenario.step_row[step], mask])
                np.testing.assert_array_equal(taken.bits[copy, :, 0], expected[:, 0])
            else:
                np.testing.assert_array_equal(taken.bits[copy], expected)
                assert taken.delay_s[copy] == before
            if not wanted:
                assert taken.delay_s[copy] == taken.reward[copy] == 0.0
            elif mask == 0:
                assert taken.reward[copy] == -9.0
            elif np.isinf(taken.delay_s[copy]):
                assert taken.reward[copy] == -7.0
            else:
                reward = -taken.delay_s[copy] / scenario.time_scale_s
                assert taken.reward[copy] == pytest.approx(reward, rel=1e-6)
            np.testing.assert_array_equal(
                game.room_bytes[copy],
                room[copy] - taken.bits[copy, :, 0] * data.block_bytes[scenario.step_block[step]],
            )
    assert taken.done.all()


def test_of_nodes_with_equal_room_the_last_drop_out_first() -> None:
    """Two blocks of 10 to come: of three nodes with room for 10 each, one may take a block of 6."""
    chosen, room = np.zeros((1, 3, 3), bool), np.full((1, 3), 10)
    chosen[:, :, 0] = True
    row, end, sizes = np.array([0]), np.array([3]), np.array([6, 10, 10])
    execute(chosen, True, room, row, end, sizes, np.ones(3, bool), np.ones((3, 3, 2)))
    assert chosen[0, :, 0].tolist() == [True, False, False]
    assert room.tolist() == [[4, 10, 10]]


def test_rewards_count_time_by_the_mean_block_at_the_mean_rate() -> None:
    data = TIGHT.problem.data
    bits_requested = data.block_bytes[data.requested_blocks].mean() * BITS_PER_BYTE
    assert TIGHT.time_scale_s == pytest.approx(bits_requested / data.qos_bps.mean())


class CountingModel:
    """Rewards that tell what they were asked about."""

    def reward(
        self,
        scenario: Scenario,
        step: NDArray[np.int64],
        caching_mask: NDArray[np.int64],
        delay_s: NDArray[np.float64],
        room_bytes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        return 16.0 * step + caching_mask + room_bytes.sum(axis=1) / 2**40


def test_a_reward_model_takes_the_place_of_the_delay_but_not_of_the_penalties() -> None:
    game = fixed_game(TIGHT, copies=4, reward_model=CountingModel())
    rng = np.random.default_rng(1)
    penalised = set()
    for step in range(TIGHT.n_steps):
        taken = game.step(rng.random((4, 4, 4)) < 0.3)
        for copy in range(4):
            mask = int(taken.bits[copy, :, 0] @ (1 << np.arange(4)))
            expected = 16.0 * step + mask + int(game.room_bytes[copy].sum()) / 2**40
            penalised.add(bool(np.isinf(taken.delay_s[copy])))
            assert taken.reward[copy] == np.float32(-10.0 if np.isinf(taken.delay_s[copy]) else expected)
    assert penalised == {True, False}
    assert not game.step(np.ones((4, 4, 4))).reward.any()  # after the end


def test_one_node_has_nobody_to_migrate_to() -> None:
    scenario = preset_scenario("tiny", nodes="1", storage_gb="0.5")
    game = fixed_game(scenario, copies=2)
    total_s = np.zeros(2)
    for step in range(scenario.n_steps):
        taken = game.step(np.ones((2, 1, 1)))
        total_s += taken.delay_s
        rate = scenario.oracle.rate(int(scenario.step_block[step]), [0]).lower_bps
        assert taken.delay_s[0] == pytest.approx(scenario.step_bytes[step] * BITS_PER_BYTE / rate)
    assert np.isfinite(total_s).all()


def test_unknown_repairs_and_no_copies_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"repair: 'all' is unknown; expected one of none, caching, delivery"
    ):
        fixed_game(TIGHT, repair="all")
    with pytest.raises(InputError, match="copies: 0"):
        fixed_game(TIGHT, copies=0)
