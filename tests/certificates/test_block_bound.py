"""The least priced delay of a block, against enumeration in decimal arithmetic; bounds from users taken alone."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.certificates.block_bound import PricedBlock, ProvedEvidence
from fgamcd_opt.testing.brute_force import mask_of, subsets
from fgamcd_opt.testing.random_problems import (
    BANDWIDTH_HZ,
    NOISE_W,
    complex_normal,
    random_problem,
    worst_amplitudes,
)

SEEDS = st.integers(0, 10_000)


def priced(seed: int, nodes: int, csi_set: str = "ellipsoid", qos_share: float = 0.5):
    """A random problem, one of its requested blocks, random prices and random (unproved) evidence."""
    data = random_problem(seed, nodes=nodes, csi_set=csi_set, qos_share=qos_share).instance
    rng = np.random.default_rng(seed)
    block = int(rng.choice(data.requested_blocks))
    multipliers = rng.uniform(0.0, 1e-9, size=nodes) * (rng.random(nodes) < 0.8)
    item = PricedBlock(data, block, multipliers)
    rows = int(rng.integers(0, 4))
    masks = rng.integers(1, 1 << nodes, size=rows)
    inside = (masks[:, None] >> np.arange(nodes)) & 1
    evidence = ProvedEvidence(
        masks,
        rng.uniform(1.0, 30.0, size=(rows, nodes)) * inside,
        rng.dirichlet(np.ones(item.floors2.size), size=rows),
    )
    return data, block, multipliers, item, evidence


def least_by_enumeration(data, block, multipliers, item, evidence) -> Decimal:
    """min over all C and all S of migration + D / rate bound + rent, with 40 digits; Infinity if there is none."""
    links = data.backhaul_bps[block]
    best = Decimal("Infinity")
    with localcontext(prec=40):
        bits = Decimal(8 * int(data.block_bytes[block]))
        for caching in subsets(range(data.n_nodes)):
            if not caching or any(data.storage_bytes[n] < data.block_bytes[block] for n in caching):
                continue
            rent = sum(Decimal(float(multipliers[n])) for n in caching) * int(data.block_bytes[block])
            for extra in subsets(set(range(data.n_nodes)) - set(caching)):
                quickest = [max(links[n, m] for n in caching) for m in extra]
                if any(rate == 0 for rate in quickest):
                    continue
                migration = max((bits / Decimal(float(rate)) for rate in quickest), default=Decimal(0))
                snr = float(item.snr_bound(np.array([mask_of({*caching, *extra})]), evidence)[0])
                if snr > 0:
                    rate = Decimal(data.bandwidth_hz) * (1 + Decimal(snr)).ln() / Decimal(2).ln()
                    best = min(best, migration + bits / rate + rent)
    return best


@given(seed=SEEDS, nodes=st.integers(1, 4))
def test_least_priced_delay_is_that_of_enumeration_rounded_down(seed, nodes):
    data, block, multipliers, item, evidence = priced(seed, nodes)
    exact = least_by_enumeration(data, block, multipliers, item, evidence)
    found = item.least(evidence)
    if not exact.is_finite():
        assert found.value_s == np.inf
        return
    assert Decimal(found.value_s) <= exact
    assert found.value_s == pytest.approx(float(exact), rel=1e-11)
    assert found.caching & ~found.participating == 0


@given(seed=SEEDS, nodes=st.integers(1, 4), share=st.floats(0.5, 1.5))
def test_leaving_out_caching_sets_changes_nothing_below_the_limit(seed, nodes, share):
    *_, item, evidence = priced(seed, nodes)
    least = item.least(evidence).value_s
    if np.isfinite(least):
        assert item.least(evidence, share * least).value_s == min(least, share * least)


@given(seed=SEEDS, nodes=st.integers(1, 4), csi_set=st.sampled_from(["ellipsoid", "balls"]))
def test_no_beam_beats_its_users_taken_alone(seed, nodes, csi_set):
    """Random beams and beams matched to one user, judged by F1 as the statement has it."""
    data, block, _, item, _ = priced(seed, nodes, csi_set, qos_share=0.0)
    rng = np.random.default_rng(seed)
    mask = int(rng.integers(1, 1 << nodes))
    inside = (mask >> np.arange(nodes)) & 1 == 1
    channels, radii = data.block_channels(block), data.block_radii(block)
    beams = complex_normal(rng, 100, *channels.shape[1:])
    beams[: len(channels)] = channels
    beams *= (inside * np.sqrt(data.power_w))[:, None] / np.linalg.norm(beams, axis=2, keepdims=True)
    snr = worst_amplitudes(channels, radii, beams, csi_set) ** 2 / NOISE_W
    bound = item.lone_snr(np.array([mask]))[0]
    assert snr.min(axis=1).max() <= bound


@given(seed=SEEDS, nodes=st.integers(1, 3), delta=st.floats(0.0, 0.3))
def test_lone_user_bound_is_the_closed_form_for_proportional_radii(seed, nodes, delta):
    """F3: sqrt(P) (sum ||h_n|| - delta sqrt(sum ||h_n||^2)) for equal powers."""
    data = random_problem(seed, nodes=nodes, users=1, qos_share=0.0).instance
    norms = np.linalg.norm(data.channel, axis=2)
    data = data.replace(csi_radius=delta * norms, power_w=np.full(nodes, 1.7))
    block = int(data.requested_blocks[0])
    item = PricedBlock(data, block, np.zeros(nodes))
    for mask in range(1, 1 << nodes):
        inside = (mask >> np.arange(nodes)) & 1 == 1
        h = np.linalg.norm(data.block_channels(block)[0], axis=1)[inside]
        amplitude = np.sqrt(1.7 / NOISE_W) * (h.sum() - delta * np.sqrt((h**2).sum()))
        assert item.lone_snr(np.array([mask]))[0] == pytest.approx(amplitude**2, rel=1e-9)


@given(spectral=st.one_of(st.just(0.0), st.floats(1e-6, 900.0)))
def test_qos_floor_is_rounded_down(spectral):
    """2^(R/B) - 1 at R = (1 - 1e-6) R_u with 60 digits: the exponential stays within the margin that is taken off."""
    data = random_problem(3, nodes=2).instance
    data = data.replace(qos_bps=np.full(data.n_users, spectral * BANDWIDTH_HZ))
    item = PricedBlock(data, int(data.requested_blocks[0]), np.zeros(2))
    with localcontext(prec=60):
        owed = Decimal(float(data.qos_bps[0])) * (1 - Decimal("1e-6"))
        exact = Decimal(2) ** (owed / Decimal(BANDWIDTH_HZ)) - 1
        assert Decimal(0) <= Decimal(float(item.floors2[0])) <= exact
        assert Decimal(float(item.floors2[0])) >= exact * (1 - Decimal("1e-11"))


@given(snr=st.floats(1e-12, 1e12))
def test_broadcast_time_is_accurate_within_the_margin(snr):
    data, block, _, item, _ = priced(0, 2)
    with localcontext(prec=60):
        rate = Decimal(BANDWIDTH_HZ) * (1 + Decimal(snr)).ln() / Decimal(2).ln()
        exact = Decimal(8 * int(data.block_bytes[block])) / rate
        error = abs(Decimal(float(item.broadcast_s(np.array([snr]))[0])) / exact - 1)
    assert error <= Decimal("1e-13")


def test_set_that_misses_the_qos_of_a_lone_user_is_impossible():
    data = random_problem(3, nodes=2).instance
    block = int(data.requested_blocks[0])
    strict = data.replace(qos_bps=np.full(data.n_users, 50 * BANDWIDTH_HZ))
    item = PricedBlock(strict, block, np.zeros(2))
    assert not item.lone_snr(np.array([1, 2, 3])).any()
    none = ProvedEvidence.none(2, item.floors2.size)
    assert item.least(none).value_s == np.inf
