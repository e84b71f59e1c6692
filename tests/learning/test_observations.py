"""States and observations against a plain reimplementation by loops, written from the specification."""

from __future__ import annotations

import numpy as np
import pytest
from games import fixed_game, preset_instance, preset_scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.state_rows import channel_quality
from fgamcd_opt.problem.p1 import P1


def distance_m(instance: Instance, user: int, node: int) -> float:
    return float(np.hypot(*(instance.user_xy_m[user] - instance.node_xy_m[node])))


def quality(instance: Instance, block: int, user: int, node: int) -> float:
    """Share of the QoS amplitude that the node's worst channel to the user gives at full power, cut to 0.05 to 1."""
    pairs = zip(instance.pair_block.tolist(), instance.pair_user.tolist(), strict=True)
    row = instance.pair_channel[list(pairs).index((block, user))]
    gain = max(float(np.linalg.norm(instance.channel[row, node])) - instance.csi_radius[row, node], 0.0) ** 2
    snr = instance.power_w[node] * gain / np.broadcast_to(instance.noise_w, (instance.n_users,))[user]
    needed = 2.0 ** (instance.qos_bps[user] / instance.bandwidth_hz) - 1.0
    return min(max(float(np.sqrt(snr / needed)), 0.05), 1.0)


def seen_by(
    instance: Instance,
    slots: int,
    block: int,
    to_come: set[int],
    room: list[int],
    me: int,
    observation: str,
) -> list[float]:
    """What node ``me`` observes at ``block``, entry by entry."""
    nodes = range(instance.n_nodes)
    total = sum(int(instance.block_bytes[k]) for k in instance.requested_blocks)
    left = sum(int(instance.block_bytes[k]) for k in to_come if k in instance.requested_blocks)
    fastest = instance.backhaul_bps.max()
    link = instance.backhaul_bps[block if len(instance.backhaul_bps) > 1 else 0] / fastest
    wants = [bool(instance.model_blocks[model, block]) for model in instance.requests]

    def requests_at(node: int) -> list[float]:
        users = [
            u
            for u in range(instance.n_users)
            if min(nodes, key=lambda n, u=u: distance_m(instance, u, n)) == node  # type: ignore[misc]
        ]
        users = sorted(users, key=lambda u: distance_m(instance, u, node))[:slots]
        shown = [
            quality(instance, block, u, me) if observation == "channels" else 1.0 for u in users if wants[u]
        ]
        shown_at = iter(shown)
        return [next(shown_at) if wants[u] else 0.0 for u in users] + [0.0] * (slots - len(users))

    def room_at(node: int) -> float:
        return min(1.0, room[node] / max(left, 1))

    seen = [instance.block_bytes[block] / instance.block_bytes.max(), left / total]
    seen += requests_at(me) + [room_at(me)] + [link[me, m] for m in nodes if m != me]
    for m in nodes:
        if m != me:
            near = np.hypot(*(instance.node_xy_m[me] - instance.node_xy_m[m])) <= 500.0
            seen += [near * entry for entry in [*requests_at(m), room_at(m), link[m, me]]]
    return seen


@pytest.mark.parametrize("observation", ["requests", "channels"])
@pytest.mark.parametrize("steps", ["requested", "all"])
@pytest.mark.parametrize(
    ("nodes", "backhaul", "slots"), [("4", "once", 2), ("4", "per_block", 7), ("6", "once", 4)]
)
def test_observations_are_those_of_the_specification(
    nodes: str, backhaul: str, slots: int, steps: str, observation: str
) -> None:
    instance = preset_instance("small", nodes=nodes, backhaul=backhaul, antennas="2", placement="uniform")
    scenario = Scenario(P1(instance), slots=slots, steps=steps, observation=observation)
    game = fixed_game(scenario, copies=2)
    state = game.reset()
    walk = instance.requested_blocks.tolist() if steps == "requested" else list(range(instance.n_blocks))
    room = [instance.storage_bytes.tolist() for _ in range(2)]
    rng = np.random.default_rng(3)
    for i, block in enumerate(walk[:20]):
        own, other = game.layout.observe(state)
        for copy in range(2):
            for n in range(instance.n_nodes):
                expected = seen_by(instance, slots, block, set(walk[i:]), room[copy], n, observation)
                found = np.concatenate([own[copy, n], other[copy, n].ravel()])
                np.testing.assert_allclose(found, expected, rtol=1e-6)
        scenario.rates.table_bps[:] = 1e9  # what the blocks cost is not the matter here
        taken = game.step(rng.random((2, instance.n_nodes, instance.n_nodes)) < 0.3)
        for copy, n in np.argwhere(taken.bits[:, :, 0]).tolist():
            room[copy][n] -= int(instance.block_bytes[block])
        state = taken.state


@pytest.mark.parametrize("seed", range(6))
def test_nodes_whose_channels_sum_to_less_than_the_qos_serve_nobody(seed: int) -> None:
    instance = preset_instance("small", seed=str(seed), csi_set="balls")
    problem = P1(instance)
    scenario = Scenario(problem, observation="channels")
    shown = channel_quality(instance, scenario.step_block)
    masks = np.arange(1, 1 << instance.n_nodes)
    member = (masks[:, None] >> np.arange(instance.n_nodes)) & 1
    together = np.einsum("sn,bnu->bsu", member, shown)
    hopeless = ((together > 0.0) & (together < 1.0 - 1e-5)).any(axis=2)
    assert hopeless.any()
    for step, of in enumerate(hopeless):
        rates = scenario.rate_bps(np.full(of.sum(), step), masks[of])
        assert not rates.any()


@settings(max_examples=10)
@given(st.integers(0, 2**32), st.floats(0.0, 1.0), st.sampled_from(["requested", "all"]))
def test_every_entry_stays_in_the_unit_interval(seed: int, density: float, steps: str) -> None:
    game = fixed_game(preset_scenario("tiny", steps, storage_gb="0.03"), copies=2)
    rng = np.random.default_rng(seed)
    states = [game.reset()]
    done = np.zeros(2, bool)
    while not done.all():
        taken = game.step(rng.random((2, 2, 2)) < density)
        states.append(taken.state)
        done = taken.done
    assert all(
        state.dtype == np.float32 and (state >= 0.0).all() and (state <= 1.0).all() for state in states
    )
    after = states[-1][:, [0, 1, *range(game.layout.requests.start, game.layout.requests.stop)]]
    assert not after.any()
