"""QoS rates: feasible by construction, and the pinned beam close to independent optima."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.network.qos import capped_qos, multiplicative_weights, reference_rates
from fgamcd_opt.instances.network.qos_compiled import compiled_weights
from fgamcd_opt.instances.recipes.presets import PRESETS

TOY = dataclasses.replace(PRESETS["tiny"], nodes=3, users=4, blocks_per_model=3, models_per_family=3)


def ascent(instance: Instance, block: int, seed: int, starts: int = 12, steps: int = 400) -> float:
    """Best worst-case rate of one PB by plain ascent on a soft minimum from random beams (no shared code)."""
    rng = np.random.default_rng(seed)
    channel = instance.block_channels(block) / np.sqrt(instance.noise_w)
    radius = instance.block_radii(block) / np.sqrt(instance.noise_w)
    root_power = np.sqrt(instance.power_w)[:, None]
    _, nodes, antennas = channel.shape

    def normalised(beam: NDArray[np.complex128]) -> NDArray[np.complex128]:
        scaled: NDArray[np.complex128] = beam / np.linalg.norm(beam, axis=1, keepdims=True) * root_power
        return scaled

    best = 0.0
    for _ in range(starts):
        beam = normalised(rng.normal(size=(nodes, antennas)) + 1j * rng.normal(size=(nodes, antennas)))
        for step in range(steps):
            signal = np.array([np.vdot(h, beam) for h in channel])
            per_node = radius * np.linalg.norm(beam, axis=1)
            balls = instance.csi_set == "balls"
            loss = per_node.sum(axis=1) if balls else np.linalg.norm(per_node, axis=1)
            amplitude = abs(signal) - loss
            best = max(best, float(amplitude.min()))
            sharp = 20 * 1.01**step / abs(signal).mean()
            share = np.exp(-sharp * (amplitude - amplitude.min()))
            gradient = np.einsum("u,unt->nt", share / share.sum() * signal / abs(signal), channel)
            gradient *= root_power / np.linalg.norm(gradient, axis=1, keepdims=True)
            beam = normalised(beam + gradient / np.sqrt(1.0 + step))
    return float(instance.bandwidth_hz * np.log2(1 + best**2))


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
def test_lone_user_reaches_the_closed_form(csi_set: str) -> None:
    """F3 for the ellipsoid, and its analogue for independent balls, with unequal powers."""
    recipe = dataclasses.replace(TOY, users=1, csi_set=csi_set, power_dbm=(30.0, 40.0, 43.0))
    instance = generate(recipe)
    rates = []
    for block in instance.requested_blocks.tolist():
        scale = np.sqrt(instance.power_w / instance.noise_w)
        norms = scale * np.linalg.norm(instance.block_channels(block)[0], axis=1)
        radii = scale * instance.block_radii(block)[0]
        loss = radii.sum() if csi_set == "balls" else np.linalg.norm(radii)
        rates.append(instance.bandwidth_hz * np.log2(1 + (norms.sum() - loss) ** 2))
    np.testing.assert_allclose(reference_rates(instance), rates, rtol=1e-9)


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize("seed", [2, 11])
def test_pinned_beam_is_near_independent_optima(seed: int, csi_set: str) -> None:
    instance = generate(dataclasses.replace(TOY, seed=seed, csi_set=csi_set, antennas=3))
    found = reference_rates(instance)
    best = [ascent(instance, block, seed) for block in instance.requested_blocks.tolist()]
    assert max(len(instance.pair_user[instance.block_pairs(k)]) for k in instance.requested_blocks) >= 3
    assert (found >= 0.98 * np.array(best)).all()


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cap=st.floats(0.05, 1.0),
    csi_set=st.sampled_from(["ellipsoid", "balls"]),
    fading=st.sampled_from(["per_block", "once"]),
)
def test_qos_is_the_capped_draw(seed: int, cap: float, csi_set: str, fading: str) -> None:
    instance = generate(dataclasses.replace(TOY, seed=seed, qos_cap=cap, csi_set=csi_set, fading=fading))
    rates = dict(zip(instance.requested_blocks.tolist(), reference_rates(instance).tolist(), strict=True))
    for user in range(instance.n_users):
        blocks = np.flatnonzero(instance.model_blocks[instance.requests[user]]).tolist()
        worst = min(rates[block] for block in blocks)
        assert instance.qos_bps[user] <= cap * worst
        assert instance.qos_bps[user] % 1000 == 0
        assert instance.qos_bps[user] > min(5e9, cap * worst) - 1000
        assert instance.qos_bps[user] <= 7e9


def test_draw_below_the_cap_is_kept() -> None:
    instance = generate(TOY)
    draw = np.array([1e6, 2e6, 1e99, 3_000_500.0])
    qos = capped_qos(instance, draw, 1.0)
    assert qos[[0, 1, 3]].tolist() == [1e6, 2e6, 3e6]
    assert qos[2] < 1e10


def test_hopeless_channels_give_zero_qos_without_warnings() -> None:
    instance = generate(dataclasses.replace(TOY, csi_delta=1.0, csi_set="balls"))
    assert (reference_rates(instance) < 1.0).all()
    assert (instance.qos_bps == 0).all()


@pytest.mark.parametrize("name", ["paper", "small"])
def test_rates_are_insensitive_to_rounding(name: str) -> None:
    """A change in the 15th digit of the channels, as another machine may make, stays in the 11th digit."""
    instance = generate(PRESETS[name])
    noise = np.random.default_rng(0).normal(size=instance.channel.shape)
    other = instance.replace(channel=instance.channel * (1 + 1e-15 * noise))
    np.testing.assert_allclose(reference_rates(other), reference_rates(instance), rtol=1e-11)


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize(("name", "nodes", "users"), [("small", 4, 8), ("small", 1, 5), ("tiny", 3, 1)])
def test_the_compiled_ascent_is_the_pinned_one(name: str, nodes: int, users: int, csi_set: str) -> None:
    recipe = dataclasses.replace(PRESETS[name], nodes=nodes, users=users, csi_set=csi_set, antennas=3)
    instance = generate(recipe)
    pinned = reference_rates(instance)
    np.testing.assert_allclose(reference_rates(instance, compiled_weights), pinned, rtol=1e-12)
    assert np.unique(pinned).size > 1
    assert generate(recipe, compiled_weights).digest == instance.digest


@pytest.mark.parametrize("share", [1.0 - 4e-16, 1.0, 1.0 + 4e-16])
def test_where_rounding_decides_the_pinned_ascent_is_asked(share: float) -> None:
    """The cap puts the rate of one user on a whole kbit/s, but for rounding, and the other ascent is off by as much."""
    instance = generate(TOY)
    users = np.flatnonzero(instance.qos_bps > 0)
    rates = np.zeros(instance.n_blocks)
    rates[instance.requested_blocks] = reference_rates(instance)
    worst = min(rates[np.flatnonzero(instance.model_blocks[instance.requests[users[0]]])])
    cap = np.floor(0.9 * worst / 1000.0) * 1000.0 / worst
    draw = np.full(instance.n_users, 1e12)

    def other(*given: NDArray[np.complex128]) -> NDArray[np.float64]:
        return multiplicative_weights(*given) * share

    assert (capped_qos(instance, draw, cap, other) == capped_qos(instance, draw, cap)).all()
