"""The figures beside the delay against loops over nodes, models, blocks and users, and on a case by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_problems import random_decision, random_instance, solved_toy

from fgamcd_opt.instances.unshared import unshared
from fgamcd_opt.problem.evaluation import evaluate
from fgamcd_opt.problem.metrics import backhaul_bytes, mean_user_rate_bps, storage_saved_bytes

SEEDS = st.integers(0, 2**32 - 1)


def model_sets(instance) -> list[set[int]]:
    """Blocks of every model that somebody requests."""
    return [set(np.flatnonzero(instance.model_blocks[i]).tolist()) for i in set(instance.requests.tolist())]


@given(seed=SEEDS)
def test_metrics_agree_with_loops(seed):
    instance = random_instance(seed)
    decision = random_decision(instance, seed + 1)
    judged = evaluate(instance, decision)
    size = instance.block_bytes.tolist()
    saved = 0
    for n in range(instance.n_nodes):
        held = set(np.flatnonzero(decision.caching[n]).tolist())
        copies = [k for blocks in model_sets(instance) for k in held & blocks]
        saved += sum(size[k] for k in copies) - sum(size[k] for k in set(copies))
    assert judged.storage_saved_bytes == storage_saved_bytes(instance, decision.caching) == saved

    traffic = sum(size[k] for _, _, k in np.argwhere(decision.migration))
    assert judged.backhaul_bytes == backhaul_bytes(instance, decision) == traffic

    rates = []
    for user in range(instance.n_users):
        pairs = np.flatnonzero(instance.pair_user == user)
        wanted = [(size[instance.pair_block[p]], judged.pair_rate_bps[p]) for p in pairs]
        missing = any(rate == 0 for _, rate in wanted)
        rates.append(0.0 if missing else sum(s for s, _ in wanted) / sum(s / r for s, r in wanted))
    assert judged.mean_user_rate_bps == pytest.approx(np.mean(rates), rel=1e-9)
    assert judged.served_share == judged.served / instance.n_users


@given(seed=SEEDS)
def test_storage_saved_is_what_unshared_caching_needs_more(seed):
    """The same caching with a copy of each block per requested model, and nothing saved there."""
    instance = random_instance(seed)
    requested = np.zeros(instance.n_blocks, dtype=bool)
    requested[instance.requested_blocks] = True
    caching = random_decision(instance, seed + 1).caching & requested
    apart = unshared(instance)
    model, block = np.nonzero(instance.model_blocks)
    copies = caching[:, block] & np.isin(model, instance.requests)
    more = (copies @ apart.block_bytes).sum() - (caching @ instance.block_bytes).sum()
    assert storage_saved_bytes(instance, caching) == more
    assert storage_saved_bytes(apart, copies) == 0


def test_by_hand():
    """Models of 500 + 300 and 300 + 200 bytes at node 0, all of it migrated once: block 1 is shared."""
    instance, solution = solved_toy()
    judged = evaluate(instance, solution.decision)
    assert judged.storage_saved_bytes == 300
    assert judged.backhaul_bytes == 1000
    assert judged.served_share == 1.0
    rates = np.array([100.0, 300.0, 200.0, 400.0])  # pairs (0, 0), (1, 0), (1, 1), (2, 1)
    user_0, user_1 = 800 / (500 / 100 + 300 / 300), 500 / (300 / 200 + 200 / 400)
    assert mean_user_rate_bps(instance, rates) == pytest.approx((user_0 + user_1) / 2)
    assert mean_user_rate_bps(instance, rates * [0, 1, 1, 1]) == pytest.approx(user_1 / 2)


def test_every_metric_is_reported():
    instance, solution = solved_toy()
    judged = evaluate(instance, solution.decision)
    metrics = judged.metrics()
    assert metrics == {name: getattr(judged, name) for name in metrics}
    assert {"served", "served_share", "hit_ratio", "storage_saved_bytes", "backhaul_bytes"} <= set(metrics)
    assert {"mean_user_rate_bps", "cloud_blocks"} <= set(metrics)
