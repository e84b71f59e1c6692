"""The evaluation against a plain loop over every node, link, block and user, written from the formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_problems import random_decision, random_instance, solved_toy

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.evaluation import evaluate

SEEDS = st.integers(0, 2**32 - 1)


def rate_by_hand(inst, decision, k, user, row):
    """(6) with F1 for one pair."""
    r = list(inst.requested_blocks).index(k)
    signal, spread = 0j, []
    for n in range(inst.n_nodes):
        beam = decision.beams[r, n]
        signal += sum(h.conjugate() * w for h, w in zip(inst.channel[row, n], beam, strict=True))
        spread.append(inst.csi_radius[row, n] * math.sqrt(sum(abs(w) ** 2 for w in beam)))
    q = math.sqrt(sum(s * s for s in spread)) if inst.csi_set == "ellipsoid" else sum(spread)
    amplitude = max(0.0, abs(signal) - q)
    return inst.bandwidth_hz * math.log2(1 + amplitude**2 / inst.noise_w)


def evaluate_by_hand(inst, decision):
    """Delay, per-block times, rates and violations by loops."""
    a, b = decision.caching, decision.migration
    n_all, users = range(inst.n_nodes), range(inst.n_users)
    wanted = {k: [u for u in users if inst.model_blocks[inst.requests[u], k]] for k in range(inst.n_blocks)}
    requested = [k for k in wanted if wanted[k]]
    violation = dict.fromkeys(
        ["qos", "power", "silence", "storage", "migration_source", "link", "coverage", "binary"], 0.0
    )

    def note(name, value):
        violation[name] = max(violation[name], float(value))

    migration_s, broadcast_s, rates, late = [], [], [], set()
    for r, k in enumerate(requested):
        bits, held = 8 * int(inst.block_bytes[k]), [bool(a[n, k] or b[:, n, k].any()) for n in n_all]
        link_rate = inst.backhaul_bps[k if len(inst.backhaul_bps) > 1 else 0]
        links = [(n, m) for n in n_all for m in n_all if b[n, m, k]]
        usable = [n != m and link_rate[n, m] > 0 for n, m in links]
        slowest = max((bits / link_rate[link] for link in links), default=0.0) if all(usable) else math.inf
        migration_s.append(slowest)
        times = []
        for user in wanted[k]:
            rate = rate_by_hand(inst, decision, k, user, inst.pair_channel[len(rates)])
            rates.append(rate)
            times.append(bits / rate if rate > 0 else math.inf)
            if inst.qos_bps[user] > 0:
                note("qos", (inst.qos_bps[user] - rate) / inst.qos_bps[user])
            if rate == 0 or rate < inst.qos_bps[user]:
                late.add(user)
        broadcast_s.append(max(times))
        for n in n_all:
            power = sum(abs(w) ** 2 for w in decision.beams[r, n]) / inst.power_w[n]
            note("power", power - 1)
            note("silence", 0 if held[n] else power)
        note("coverage", not any(held))
    for n in n_all:
        used = sum(int(inst.block_bytes[k]) for k in range(inst.n_blocks) if a[n, k])
        note("storage", (used - int(inst.storage_bytes[n])) / max(int(inst.storage_bytes[n]), 1))
    for n in n_all:
        for m in n_all:
            for k in range(inst.n_blocks):
                link_rate = inst.backhaul_bps[k if len(inst.backhaul_bps) > 1 else 0, n, m]
                note("migration_source", b[n, m, k] and not a[n, k])
                note("link", b[n, m, k] and (n == m or link_rate == 0))
    return migration_s, broadcast_s, rates, violation, inst.n_users - len(late)


def hits_by_hand(inst, caching):
    """Users for whom one node holds the whole model and alone reaches their QoS for each block."""
    hits = 0
    for user in range(inst.n_users):
        blocks = np.flatnonzero(inst.model_blocks[inst.requests[user]])
        for n in range(inst.n_nodes):
            served = True
            for k in blocks:
                pair = next(
                    p
                    for p in range(inst.pair_user.size)
                    if (inst.pair_block[p], inst.pair_user[p]) == (k, user)
                )
                row = inst.pair_channel[pair]
                gain = max(0.0, float(np.linalg.norm(inst.channel[row, n])) - inst.csi_radius[row, n])
                snr = inst.power_w[n] * gain**2 / inst.noise_w
                served &= bool(caching[n, k]) and inst.bandwidth_hz * math.log2(1 + snr) >= inst.qos_bps[user]
            if served:
                hits += 1
                break
    return hits / inst.n_users


@given(seed=SEEDS, csi_set=st.sampled_from(["ellipsoid", "balls"]), per_block=st.booleans())
def test_evaluation_agrees_with_loops(seed, csi_set, per_block):
    instance = random_instance(seed, csi_set, per_block)
    decision = random_decision(instance, seed + 1)
    judged = evaluate(instance, decision)
    migration_s, broadcast_s, rates, violation, served = evaluate_by_hand(instance, decision)

    np.testing.assert_allclose(judged.pair_rate_bps, rates, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(judged.migration_s, migration_s, rtol=1e-12)
    np.testing.assert_allclose(judged.broadcast_s, broadcast_s, rtol=1e-9)
    assert judged.delay_s == pytest.approx(sum(migration_s) + sum(broadcast_s), rel=1e-9)
    assert judged.violations == pytest.approx(violation, rel=1e-9, abs=1e-12)
    assert set(judged.places) == {name for name, value in judged.violations.items() if value > 0}
    assert judged.served == served
    assert judged.hit_ratio == pytest.approx(hits_by_hand(instance, decision.caching))


def test_hit_ratio_counts_a_model_on_one_node_only():
    """A model split over two nodes is no hit, though its user is served."""
    instance, solution = solved_toy()
    generous = instance.replace(qos_bps=np.full(2, 1e-3), storage_bytes=np.full(3, 1000))
    caching = np.zeros((3, 3), dtype=bool)
    caching[0, [0, 1]] = True
    caching[1, 2] = True
    migration = np.zeros_like(solution.decision.migration)
    judged = evaluate(generous, Decision(caching, migration, solution.decision.beams))
    assert judged.hit_ratio == 0.5
    assert judged.served == 2


def test_relaxed_binaries_are_rounded_and_reported():
    instance, solution = solved_toy()
    exact = solution.decision
    relaxed = Decision(exact.caching * 0.9 + 0.05, exact.migration.astype(float), exact.beams)
    judged = evaluate(instance, relaxed)
    assert judged.delay_s == solution.delay_s
    assert judged.violations["binary"] == pytest.approx(0.05)
    assert [fault.split()[0] for fault in judged.faults] == ["binary"]


def test_huge_beams_do_not_overflow_into_a_good_value():
    instance, solution = solved_toy()
    exact = solution.decision
    judged = evaluate(instance, Decision(exact.caching, exact.migration, exact.beams * 1e200))
    assert not judged.feasible
    assert judged.violations["power"] == math.inf


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"beams": np.full((3, 3, 2), np.nan + 0j)}, r"beams\[0, 0, 0\] = .*nan.* is not finite"),
        ({"caching": np.full((3, 3), np.inf)}, r"caching\[0, 0\] = inf is not finite"),
        ({"caching": np.zeros((3, 4))}, r"migration: shape is \(3, 3, 3\); expected \(3, 3, 4\)"),
        ({"beams": np.zeros((3, 2, 2))}, "expected 3 nodes"),
        ({"migration": np.zeros((3, 3))}, "expected 3 axes"),
    ],
)
def test_malformed_decisions_are_refused(change, fault):
    _, solution = solved_toy()
    fields = {name: getattr(solution.decision, name) for name in ("caching", "migration", "beams")}
    with pytest.raises(InputError, match=fault):
        Decision(**{**fields, **change})


def test_decision_must_fit_the_instance():
    instance, solution = solved_toy()
    exact = solution.decision
    with pytest.raises(InputError, match=r"beams: shape is \(2, 3, 2\); expected \(3, 3, 2\)"):
        evaluate(instance, Decision(exact.caching, exact.migration, exact.beams[:2]))


def test_decisions_are_immutable():
    _, solution = solved_toy()
    for name in ("caching", "migration", "beams"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(solution.decision, name)[0] = 0
