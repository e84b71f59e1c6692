"""Variants of P1 evaluated on random decisions, against loops written from the problem's statement."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.front_door import ENDLESS, solve
from fgamcd_opt.solving.status import PointStatus
from fgamcd_opt.testing.random_problems import complex_normal, random_problem, worst_amplitudes

CLOUD_BPS = 3e7
DELIVERIES = ("comp_broadcast", "unicast_tdma", "hybrid(1)", "hybrid(2)", "local_broadcast")
VARIANTS = [
    {"granularity": granularity, "delivery": delivery, "unserved": unserved, "cooperation": cooperation}
    for granularity in ("block", "model")
    for delivery in DELIVERIES
    for unserved, cooperation in (("forbidden", "true"), (f"cloud({CLOUD_BPS})", "false"))
]
EVERY_VARIANT = pytest.mark.parametrize("fields", VARIANTS, ids=lambda f: "-".join(f.values()))
ANY, ONE = "all participating nodes", "one participating node"


def deliveries(problem: P1) -> list[tuple[int, int, list[int], object]]:
    """(model or -1, block, users, sender) of every transmission, in the order of units, then users or nodes."""
    data, variant = problem.instance, problem.variant
    nearest = [int(np.argmin(np.linalg.norm(data.node_xy_m - xy, axis=1))) for xy in data.user_xy_m]
    units = [(-1, k) for k in range(data.n_blocks)]
    if variant.granularity == "model":
        units = [(i, k) for i in range(data.n_models) for k in np.flatnonzero(data.model_blocks[i]).tolist()]
    sent = []
    for model, block in units:
        users = [u for u in range(data.n_users) if data.model_blocks[data.requests[u], block]]
        if model >= 0:
            users = [u for u in users if data.requests[u] == model]
        if variant.delivery == "comp_broadcast" or (
            variant.delivery == "hybrid" and len(users) > variant.hybrid_threshold
        ):
            parts = [(users, ANY)]
        elif variant.delivery == "local_broadcast":
            parts = [([u for u in users if nearest[u] == n], n) for n in range(data.n_nodes)]
        else:
            parts = [([u], ONE if variant.delivery == "hybrid" else ANY) for u in users]
        sent += [(model, block, served, sender) for served, sender in parts if served]
    return sent


def random_decision(problem: P1, rng: np.random.Generator) -> Decision:
    """Anything: neither storage nor senders nor power are looked at; some transmissions are silent."""
    data = problem.data
    shape = (data.n_nodes, data.n_blocks)
    beams = complex_normal(rng, len(deliveries(problem)), data.n_nodes, data.channel.shape[2])
    beams *= rng.random((beams.shape[0], data.n_nodes, 1)) < 0.7
    beams *= rng.random((beams.shape[0], 1, 1)) < 0.8
    return Decision(rng.random(shape) < 0.5, rng.random((data.n_nodes, *shape)) < 0.2, beams)


def expected_delay(problem: P1, decision: Decision) -> tuple[float, int]:
    """T and the number of blocks that come from the cloud, block by block and user by user."""
    data, cloud = problem.instance, problem.variant.cloud_rate_bps
    total, by_cloud, migrated = 0.0, set(), set()
    copies = [(i, k) for i in range(data.n_models) for k in np.flatnonzero(data.model_blocks[i]).tolist()]
    for row, (model, block, users, _) in enumerate(deliveries(problem)):
        bits = 8.0 * float(data.block_bytes[block])
        column = block if model < 0 else copies.index((model, block))
        if (model, block) not in migrated:
            migrated.add((model, block))
            links = np.argwhere(decision.migration[:, :, column])
            rates = [data.backhaul_bps[block if len(data.backhaul_bps) > 1 else 0][n, m] for n, m in links]
            total += max((bits / rate if rate > 0 else math.inf for rate in rates), default=0.0)
        beam = decision.beams[row]
        if cloud is not None and not beam.any():
            total += len(users) * bits / cloud
            by_cloud.add((model, block))
            continue
        slowest = math.inf
        for user in users:
            pair = next(
                p
                for p in range(data.pair_block.size)
                if (data.pair_block[p], data.pair_user[p]) == (block, user)
            )
            channel, radius = data.channel[data.pair_channel[pair]], data.csi_radius[data.pair_channel[pair]]
            amplitude = float(worst_amplitudes(channel[None], radius[None], beam, data.csi_set)[0])
            slowest = min(slowest, data.bandwidth_hz * math.log2(1 + amplitude**2 / data.noise_w))
        total += bits / slowest if slowest > 0 else math.inf
    return total, len(by_cloud)


@EVERY_VARIANT
def test_transmissions_are_those_of_the_statement(fields):
    problem = P1(random_problem(3, users=4, blocks=4).instance, Variant.parse(fields))
    users = [np.flatnonzero(problem.transmissions.of_pair == t) for t in range(problem.transmissions.count)]
    found = [problem.data.pair_user[pairs].tolist() for pairs in users]
    assert found == [served for _, _, served, _ in deliveries(problem)]
    names = [problem.data.block_names[k].split(":")[-1] for k in problem.transmissions.block]
    assert names == [problem.instance.block_names[block] for _, block, _, _ in deliveries(problem)]


@EVERY_VARIANT
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_delay_and_cloud_against_loops(fields, seed):
    base = random_problem(seed % 1000, csi_set=("ellipsoid", "balls")[seed % 2], missing_links=0.02)
    problem = P1(base.instance, Variant.parse(fields))
    decision = random_decision(problem, np.random.default_rng(seed))
    judged = problem.evaluate(decision)
    delay, from_cloud = expected_delay(problem, decision)
    assert judged.delay_s == pytest.approx(delay, rel=1e-9)
    assert judged.cloud_blocks == from_cloud


@EVERY_VARIANT
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_the_variant_asks_for_is_found_violated_exactly_where_it_is(fields, seed):
    problem = P1(random_problem(seed % 1000).instance, Variant.parse(fields))
    data = problem.data
    decision = random_decision(problem, np.random.default_rng(seed))
    violated = {name for name, value in problem.evaluate(decision).violations.items() if value > 0}
    active = np.abs(decision.beams).max(axis=2) > 0
    wrong_sender = False
    for row, (_, _, _, sender) in enumerate(deliveries(problem)):
        senders = set(np.flatnonzero(active[row]).tolist())
        if sender == ONE:
            wrong_sender |= len(senders) > 1
        elif sender != ANY:
            wrong_sender |= not senders <= {sender}
    assert ("sender" in violated) == wrong_sender
    if problem.variant.granularity == "model":
        held = np.stack([decision.caching, decision.participation])
        split = any(
            (held[:, :, blocks] != held[:, :, blocks[:1]]).any()
            for model in range(data.n_models)
            if (blocks := np.flatnonzero(data.model_blocks[model])).size and (data.requests == model).any()
        )
        assert ("whole_model" in violated) == split
    if not problem.variant.cooperation:
        assert ("cooperation" in violated) == bool(decision.migration.any())
        own = [
            [problem.instance.association[u] == n for u in range(data.n_users)] for n in range(data.n_nodes)
        ]
        alien = [
            (n, k)
            for n, k in np.argwhere(decision.caching)
            if not any(mine and data.model_blocks[data.requests[u], k] for u, mine in enumerate(own[n]))
        ]
        assert ("own_users" in violated) == bool(alien)
    used = decision.caching.astype(float) @ data.block_bytes
    assert ("storage" in violated) == bool((used > data.storage_bytes).any())


def test_nominal_beams_that_some_error_cancels_have_no_delay():
    """With errors of half the channel, beams made for none leave some user at rate zero: no point, and why."""
    found = solve(P1(load("small", {"csi_delta": "0.5"}), Variant.parse({"csi": "nominal"})), "greedy")
    assert (found.point_status, found.delay_s) == (PointStatus.NONE, None)
    assert found.message == ENDLESS
