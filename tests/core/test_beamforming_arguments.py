"""What the core's beamforming functions refuse: arrays of other types and shapes, sets that a block does not have."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from refusals import Call

from fgamcd_opt import core
from fgamcd_opt.beamforming.set_pricing import PricingData
from fgamcd_opt.problem.tolerances import MARGIN
from fgamcd_opt.problem.worst_case import NOISE_SHARE

NODES, USERS = 3, 2
ROWS = 1 << NODES


def channels(seed: int) -> dict[str, Any]:
    """Gram matrices and squared radii of a block that every node can serve."""
    rng = np.random.default_rng(seed)
    columns = rng.standard_normal((NODES, 4, USERS)) + 1j * rng.standard_normal((NODES, 4, USERS))
    gram = np.ascontiguousarray(np.einsum("nau,nav->nuv", columns.conj(), columns))
    return {"gram": gram, "radius2": np.full((NODES, USERS), 0.01)}


BLOCK = channels(1)
X, SHARE = np.ones(USERS, complex), np.ones(NODES)
MIX = np.zeros((NODES, USERS, USERS), complex)
Y, MU = np.full(USERS, 0.5), np.ones(NODES)
FLOORS, RANKS = np.full(USERS, 0.1), np.full(NODES, 2.0)
FACTOR = np.eye(USERS, dtype=complex)
NOISE = np.ones((4, USERS), complex)

CALLS = {
    "lone_user": Call(core.lone_user, {**BLOCK, "balls": False, "user": 1, "share": SHARE}, ["share"]),
    "error_terms": Call(
        core.error_terms,
        {"radius2": BLOCK["radius2"], "share": SHARE, "balls": True, "q": np.zeros(USERS)},
        ["q"],
    ),
    "received": Call(
        core.received,
        {
            "gram": BLOCK["gram"],
            "x": X,
            "share": SHARE,
            "projected": np.zeros((NODES, USERS), complex),
            "norms": np.zeros(NODES),
            "signal": np.zeros(USERS, complex),
        },
        ["projected", "norms", "signal"],
    ),
    "search_from_starts": Call(
        core.search_from_starts,
        {
            **BLOCK,
            "balls": False,
            "starts": NOISE,
            "x": X,
            "share": SHARE,
            "best": -np.inf,
            "tolerance": 1e-3,
        },
        ["x", "share"],
        [("starts", 0)],
    ),
    "minimise_bound": Call(
        core.minimise_bound,
        {
            "gram": BLOCK["gram"],
            "ranks": RANKS,
            "y": Y,
            "mu": MU,
            "factor": FACTOR,
            "tolerance": 1e-3,
            "goal": 0.0,
        },
        ["y", "mu", "factor"],
    ),
    "shifted_gram": Call(
        core.shifted_gram, {"gram": BLOCK["gram"], "mix": MIX, "shifted": BLOCK["gram"]}, ["shifted"]
    ),
    "beam_errors": Call(
        core.beam_errors,
        {
            **BLOCK,
            "balls": False,
            "x": X,
            "share": SHARE,
            "norms": MU,
            "signal": X,
            "q": Y,
            "mix": MIX,
        },
        ["mix"],
    ),
    "relaxation_errors": Call(
        core.relaxation_errors,
        {**BLOCK, "balls": True, "mix": MIX, "mu": MU, "factor": FACTOR, "new_mix": MIX},
        ["new_mix"],
    ),
    "merge_errors": Call(
        core.merge_errors,
        {
            **BLOCK,
            "balls": False,
            "ranks": RANKS,
            "mix": MIX,
            "new_mix": MIX,
            "y": Y,
            "mu": MU,
            "tolerance": 1e-3,
        },
        ["mix", "y", "mu"],
    ),
    "weigh_channels": Call(
        core.weigh_channels,
        {**BLOCK, "weights": Y, "gram_out": BLOCK["gram"], "radius2_out": BLOCK["radius2"]},
        ["gram_out", "radius2_out"],
    ),
    "solve_sets": Call(
        core.solve_sets,
        {
            **BLOCK,
            "ranks": RANKS,
            "balls": False,
            "floors": FLOORS,
            "masks": np.array([7, 3]),
            "noise": NOISE,
            "rounds": 1,
            "tolerance": 1e-3,
            "status": np.zeros(ROWS, np.int64),
            "lower": np.zeros(ROWS),
            "upper": np.full(ROWS, np.inf),
            "x": np.zeros((ROWS, USERS), complex),
            "share": np.zeros((ROWS, NODES)),
            "y": np.zeros((2, USERS)),
            "mu": np.zeros((2, NODES)),
            "mix": np.zeros((2, NODES, USERS, USERS), complex),
        },
        ["status", "lower", "upper", "x", "share", "y", "mu", "mix"],
        [("noise", 0)],
    ),
    "screen_sets": Call(
        core.screen_sets,
        {
            **BLOCK,
            "balls": False,
            "floors": FLOORS,
            "status": np.zeros(ROWS, np.int64),
            "upper": np.full(ROWS, np.inf),
        },
        ["status", "upper"],
    ),
    "prove_set": Call(
        core.prove_set,
        {
            **BLOCK,
            "balls": False,
            "floors": FLOORS,
            "tolerance": 1e-2,
            "max_nodes": 20,
            "status": 0,
            "lower": 0.0,
            "upper": 100.0,
            "x": X,
            "share": SHARE,
        },
        ["x", "share"],
    ),
    "branch_and_bound": Call(
        core.branch_and_bound,
        {
            **BLOCK,
            "balls": False,
            "tolerance": 1e-2,
            "max_nodes": 20,
            "ceiling": 10.0,
            "best": 0.0,
            "x": X,
            "share": SHARE,
        },
        ["x", "share"],
    ),
    "lone_users_bound": Call(core.lone_users_bound, {**BLOCK, "balls": False, "floors": FLOORS, "mask": 5}),
    "inherited_bound": Call(
        core.inherited_bound,
        {"parts": BLOCK["gram"], "y": Y, "mu": MU, "floors": FLOORS, "mask": 5, "known": 1e9},
    ),
    "rent_of": Call(core.rent_of, {"rent": MU, "caching": 3}, any_length=[("rent", 0)]),
    "reached_delay": Call(
        core.reached_delay,
        {"link": np.ones((NODES, NODES)), "caching": 1, "solved": np.array([3, 7]), "inverse": np.ones(2)},
    ),
}

PRICING = PricingData(
    table=np.zeros(ROWS),
    applied=np.zeros(ROWS, np.int32),
    bandwidth_hz=1e6,
    link=np.ones((NODES, NODES)),
    gram=BLOCK["gram"],
    radius2=BLOCK["radius2"],
    error_code=False,
    floors=FLOORS,
    evidence_mask=np.array([7, 3]),
    parts=np.stack([BLOCK["gram"]] * 2),
    y=np.stack([Y] * 2),
    mu=np.stack([MU] * 2),
)


@pytest.mark.parametrize("name", CALLS)
def test_spoilt_arguments_are_refused(name: str) -> None:
    CALLS[name].check()


@pytest.mark.parametrize(
    "field", [f for f, value in PRICING._asdict().items() if isinstance(value, np.ndarray)]
)
def test_spoilt_pricing_data_is_refused(field: str) -> None:
    value = getattr(PRICING, field)
    assert core.inverse_rate(PRICING, 7) > 0.0
    for wrong in (value.astype("complex64"), value[None], np.repeat(value, 2, axis=-1)[..., ::2]):
        with pytest.raises((TypeError, ValueError), match="expected"):
            core.inverse_rate(PRICING._replace(**{field: wrong}), 7)
    with pytest.raises(TypeError, match="block: expected PricingData"):
        core.inverse_rate(tuple(PRICING)[:-1], 7)  # type: ignore[arg-type]


@pytest.mark.parametrize("mask", [-1, ROWS, 1 << 40])
def test_sets_with_other_nodes_are_refused(mask: int) -> None:
    with pytest.raises(ValueError, match="masks: entry 1 is"):
        CALLS["solve_sets"].run(masks=np.array([7, mask]))
    for function in (core.inverse_rate, core.unit_delay):
        with pytest.raises(ValueError, match="a node that the block does not have"):
            function(PRICING, mask)
    with pytest.raises(ValueError, match="a node that the block does not have"):
        core.cheapest_set(PRICING, MU, 7, mask)


def test_no_users_and_no_nodes_are_refused() -> None:
    for shape in ((0, 2, 2), (3, 0, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            core.lone_user(np.ones(shape, complex), np.ones(shape[:2]), False, 0, np.ones(shape[0]))
    with pytest.raises(ValueError, match="user: expected"):
        CALLS["lone_user"].run(user=USERS)
    with pytest.raises(ValueError, match="noise: expected at least one row"):
        CALLS["solve_sets"].run(noise=NOISE[:0])


def test_margins_are_those_of_the_checker() -> None:
    assert core.MARGIN == MARGIN
    assert core.NOISE_SHARE == NOISE_SHARE


BOUNDS = """
import numpy as np
from fgamcd_opt.core import minimise_bound
def bound(seed):
    rng = np.random.default_rng(seed)
    channels = rng.standard_normal((2, 4, 6, 8))
    channels = 10.0 * (channels[0] + 1j * channels[1])
    gram = np.ascontiguousarray(np.einsum("nau,nav->nuv", channels.conj(), channels))
    y, mu, factor = rng.random(8), rng.random(4) + 0.5, np.zeros((8, 8), complex)
    value = minimise_bound(gram, np.full(4, 6.0), y, mu, factor, 1e-6, 0.0)
    return [float(number).hex() for number in (value, *y, *mu)]
"""


def test_threads_and_processes_agree_to_the_last_bit() -> None:
    names: dict[str, Any] = {}
    exec(BOUNDS, names)
    alone = [names["bound"](seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(names["bound"], range(8))) == alone
    code = BOUNDS + "print([bound(seed) for seed in range(8)])"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(alone)
