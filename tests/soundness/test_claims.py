"""No claim of any solver is contradicted by a point: a fixed set of adversarial instances, every solver and backend.

``make fuzz MINUTES=30`` draws fresh ones. A case that is known to fail is listed in ``KNOWN`` with the reason: it is
expected to fail, and mending it turns the test red until its line is taken out.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from adversarial import DECIDED, FAMILIES, draw
from claims import Trial, all_settings, some_settings
from points import Enumeration, best_rate

from fgamcd_opt import P1, solve
from fgamcd_opt.io.errors import BackendError, InputError
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.status import Status
from fgamcd_opt.testing.random_problems import random_problem, worst_amplitudes

CASES = {
    "signs": (3, 6),
    "quarters": (1, 7),
    "on-off": (1, 6),
    "on-off-quarters": (3, 5),
    "nearly-opposite": (2, 11),
    "collinear": (3, 7),
    "uneven": (1, 5),
    "knife-edge": (1, 3),
    "knife-edge-equal": (0, 7),
    "no-links": (7, 3),
    "no-links-qos": (3, 7),
    "zero-rates": (0, 2),
    "deaf-user": (0, 2),
    "huge-bytes": (1, 2),
    "huge-knife": (3, 9),
    "qos-edge": (1, 2),
    "qos-edge-signs": (2, 10),
    "faint": (3, 6),
    "anything": (2, 9),
}
"""Seeds of the fixed instances of every family; most of them have a point, and none takes long."""

KNOWN: dict[tuple[str, int], str] = {}
"""Cases that fail, with the reason."""

SEARCHED = ("exact", "compact", "column-generation")
"""Solvers that rest on the beamforming of this package."""

EVERY_CASE = [(family, seed) for family, seeds in CASES.items() for seed in seeds]


def _parameter(number: int, family: str, seed: int) -> object:
    reason = KNOWN.get((family, seed))
    marks = [pytest.mark.xfail(reason=reason, raises=AssertionError, strict=True)] if reason else []
    return pytest.param(number, family, seed, id=f"{family}-{seed}", marks=marks)


@pytest.mark.parametrize(
    ("number", "family", "seed"), [_parameter(n, *case) for n, case in enumerate(EVERY_CASE)]
)
def test_no_claim_is_contradicted(number, family, seed):
    try:
        instance = draw(family, seed)
    except InputError:
        assert family == "faint"  # values beyond the ranges of the format are refused, which is an answer
        return
    report = Trial(instance, some_settings(number), decided=family in DECIDED).run()
    assert not report.findings, "\n".join(str(finding) for finding in report.findings)
    assert report.solved > 10


def test_rates_that_only_the_cuts_prove_out_of_reach_are_infeasible():
    """The rates of the cuts are tighter than those of the start, found by ``make fuzz``: Pyomo raised an exception."""
    problem = P1(draw("qos-edge", 221570189659487))
    assert solve(problem, "minlp").status is Status.INFEASIBLE
    assert Enumeration(problem.instance, Variant()).best() is None


def test_coefficients_that_count_as_infinite_are_refused():
    """A rate of a few bit/s makes them, found by ``make fuzz``: SCIP raised an exception of its own."""
    problem = P1(draw("zero-rates", 35372708967450))
    with pytest.raises(BackendError, match="counts as infinite; use solver exact"):
        solve(problem, "minlp")


@pytest.mark.parametrize(
    ("family", "seed"),
    [
        ("quarters", 32114645104038),  # errors as large as channels: found by `make fuzz`
        ("qos-edge-signs", 1357),
        ("qos-edge-signs", 1368),
        ("qos-edge", 1056),
        ("qos-edge", 1213),
    ],
)
def test_a_point_is_found_where_the_local_search_finds_no_beam(family, seed):
    """QoS at the rates that beams reach over alike, opposite and quarter-turned channels."""
    settings = [
        setting
        for setting in all_settings()
        if setting.solver in SEARCHED
        and not setting.variant
        and (family == "quarters" or not setting.options)
    ]
    report = Trial(draw(family, seed), settings).run()
    assert report.best is not None
    assert not report.findings, "\n".join(str(finding) for finding in report.findings)


def test_every_family_has_cases():
    assert set(CASES) == set(FAMILIES)


def test_every_setting_has_its_turn():
    turns = [str(setting) for number in range(len(EVERY_CASE)) for setting in some_settings(number)]
    assert set(turns) == {str(setting) for setting in all_settings()}


def test_an_instance_is_drawn_twice_alike():
    for family in FAMILIES:
        assert draw(family, CASES[family][0]).digest == draw(family, CASES[family][0]).digest


@pytest.mark.parametrize("seed", range(4))
def test_the_enumeration_misses_no_placement(seed):
    """Against all caching and all migration by brute force, with the enumeration's own beams."""
    data = random_problem(seed, nodes=2, users=2, blocks=2, storage_share=1.2).instance
    enumeration = Enumeration(data, Variant())
    point = enumeration.best()
    best = math.inf
    for caching in itertools.product(range(4), repeat=len(enumeration.sent)):
        used = np.zeros(2, int)
        for sending, c in zip(enumeration.sent, caching, strict=True):
            used += [data.block_bytes[sending.block] * (c >> n & 1) for n in range(2)]
        if (used > data.storage_bytes).any() or 0 in caching:
            continue
        total = 0.0
        for row, (sending, c) in enumerate(zip(enumeration.sent, caching, strict=True)):
            bits = 8.0 * data.block_bytes[sending.block]
            rate = data.backhaul_bps[sending.block]
            alone = bits / enumeration.beam(row, c)[1] if enumeration.beam(row, c)[1] else math.inf
            moved = rate[0, 1] if c == 1 else rate[1, 0]
            both = bits / moved if c != 3 and moved > 0.0 else math.inf
            both += bits / enumeration.beam(row, 3)[1] if enumeration.beam(row, 3)[1] else math.inf
            total += min(alone, both)
        best = min(best, total)
    assert (math.inf if point is None else point.delay_s) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_lone_user_gets_the_beam_of_the_closed_form(seed):
    """F3: full power along the own channel."""
    data = random_problem(seed, nodes=2, users=1, csi_set=("ellipsoid", "balls")[seed % 2]).instance
    channel, radius = data.channel[:1], data.csi_radius[:1]
    beam = channel[0] / np.linalg.norm(channel[0], axis=1, keepdims=True) * np.sqrt(data.power_w)[:, None]
    best = worst_amplitudes(channel, radius, beam, data.csi_set)[0]
    closed = data.bandwidth_hz * np.log2(1.0 + best**2 / data.noise_w)
    found = best_rate(data.replace(qos_bps=[0.0]), np.array([0]), [0, 1], np.random.default_rng(0))[1]
    assert found == pytest.approx(closed, rel=1e-12)
