"""Certificates from end to end: below the optimum by enumeration, as good as the rate table, strict in their file."""

from __future__ import annotations

import dataclasses
import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.certificates.certificate import Certificate
from fgamcd_opt.certificates.certificate_check import check_certificate, lagrangian_sum
from fgamcd_opt.certificates.evidence_rows import EvidenceRow
from fgamcd_opt.formulations.knapsack.dual_function import lagrangian_bound
from fgamcd_opt.formulations.knapsack.multiple_choice import build_knapsack
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.solvers.bounds.certify import certify
from fgamcd_opt.testing.brute_force import best_delay
from fgamcd_opt.testing.random_problems import random_problem

SEEDS = st.integers(0, 10_000)


def prices(seed: int, problem) -> np.ndarray:
    """Random storage multipliers of a sensible size, some zero."""
    rng = np.random.default_rng(seed)
    nodes = problem.instance.n_nodes
    return rng.uniform(0.0, 4e-9, size=nodes) * (rng.random(nodes) < 0.7)


@settings(max_examples=25)
@given(
    seed=SEEDS, csi_set=st.sampled_from(["ellipsoid", "balls"]), qos_share=st.sampled_from([0.0, 0.6, 0.95])
)
def test_bound_holds_and_is_as_good_as_the_whole_rate_table(seed, csi_set, qos_share):
    """Enumeration with the beams of the table gives the delay; the Lagrangian value of its bounds is the yardstick."""
    problem = random_problem(seed, csi_set=csi_set, qos_share=qos_share)
    oracle = RateOracle(problem)
    oracle.compute()
    multipliers = prices(seed, problem)
    try:
        certificate = certify(problem, multipliers, "test")
    except InputError:
        assert best_delay(problem, oracle.lower_bps()) == math.inf
        return
    check = check_certificate(problem.instance, certificate)
    assert check.faults == ()
    assert check.bound_s == certificate.bound_s
    assert check.bound_s <= best_delay(problem, oracle.lower_bps())
    knapsack = build_knapsack(problem, oracle.upper_bps())
    if np.unique(knapsack.block).size == knapsack.n_blocks:
        table, _ = lagrangian_bound(knapsack, multipliers)
        assert certificate.bound_s >= table - 2e-3 * certificate.block_bound_s.sum()


def test_threads_change_nothing():
    problem = random_problem(1, blocks=6, users=5)
    one, two = (certify(problem, prices(1, problem), "test", threads=n) for n in (1, 2))
    assert one.digest == two.digest


def test_file_keeps_everything(tmp_path):
    problem = random_problem(4, blocks=5, users=6)
    certificate = certify(problem, prices(4, problem), "test")
    assert certificate.evidence_block.size > 0
    certificate.save(tmp_path / "c.npz")
    again = Certificate.load(tmp_path / "c.npz")
    assert again.digest == certificate.digest
    assert check_certificate(problem.instance, again).bound_s == certificate.bound_s


def test_rounded_evidence_is_what_the_file_holds():
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(3, 4, 4)) + 1j * rng.normal(size=(3, 4, 4))
    mix[1] = 0.0
    mix[:, :, 2] = 0.0  # a user without error
    row = EvidenceRow(0, 0b101, np.array([1.0, 0.0, 2.0]), rng.random(4), mix)
    rounded = row.rounded()
    assert np.abs(rounded.mix - mix).max() <= np.abs(mix).max() / 32767
    assert not rounded.mix[:, :, 2].any()
    assert rounded.y == pytest.approx(row.y, rel=1e-7)
    assert (rounded.rounded().mix == rounded.mix).all()


@given(
    values=st.lists(st.floats(0.0, 1e3), min_size=1, max_size=3),
    price=st.floats(0.0, 1e-6),
)
def test_lagrangian_sum_is_the_float_below_the_exact_one(values, price):
    data = random_problem(0, nodes=2).instance
    multipliers = np.array([price, price / 3])
    exact = sum(map(Fraction, values)) - sum(
        Fraction(float(p)) * int(q) for p, q in zip(multipliers, data.storage_bytes, strict=True)
    )
    total = lagrangian_sum(data, multipliers, np.array(values))
    assert Fraction(total) <= exact < Fraction(math.nextafter(total, math.inf))


def test_block_that_nobody_can_serve_has_no_certificate():
    data = random_problem(2).instance
    problem = dataclasses.replace(random_problem(2), instance=data.replace(qos_bps=data.qos_bps + 5e9))
    with pytest.raises(InputError, match="P1 is infeasible"):
        certify(problem, np.zeros(data.n_nodes), "test")


def test_too_many_nodes_are_refused():
    problem = random_problem(0, nodes=17, blocks=1, users=1)
    with pytest.raises(InputError, match=r"has 17 nodes; .* up to 16 nodes"):
        certify(problem, np.zeros(17), "test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bound_s": math.nan}, "bound_s: nan is not a finite number"),
        ({"made_by": ""}, "made_by: '' is not a non-empty text"),
        ({"multipliers": np.zeros(3, np.float32)}, "multipliers: is float32"),
        ({"evidence_mix": np.zeros(3, np.int16)}, "evidence_mix: is int16 with 1 axes"),
    ],
)
def test_fields_of_the_wrong_type_are_refused(changes, message):
    problem = random_problem(4, blocks=5, users=6)
    certificate = certify(problem, prices(4, problem), "test")
    with pytest.raises(InputError, match=message):
        dataclasses.replace(certificate, **changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"multipliers": c.multipliers[:-1]}, "multipliers: one finite number >= 0"),
        (lambda c: {"multipliers": -c.multipliers - 1.0}, "multipliers: one finite number >= 0"),
        (lambda c: {"block_bound_s": c.block_bound_s[1:]}, "block_bound_s: one finite number >= 0"),
        (lambda c: {"block_bound_s": np.full_like(c.block_bound_s, np.inf)}, "block_bound_s: one finite"),
        (lambda c: {"bound_s": math.nextafter(c.bound_s, -1)}, "bound_s: .* add up to"),
        (
            lambda c: {"evidence_mask": c.evidence_mask * 0},
            "evidence_mask: holds a value that is no node set",
        ),
        (lambda c: {"evidence_block": c.evidence_block + 99}, "evidence_block: is not ascending"),
        (lambda c: {"evidence_y": c.evidence_y[1:]}, "evidence: its arrays do not have the sizes"),
        (lambda c: {"evidence_mu": c.evidence_mu[1:]}, "evidence: the arrays differ"),
        (
            lambda c: {"evidence_mu": c.evidence_mu + np.float32(1)},
            "evidence_mu: must be positive in the node set",
        ),
        (lambda c: {"evidence_y": -c.evidence_y}, "evidence: y and mu must be positive"),
        (lambda c: {"evidence_scale": c.evidence_scale * np.float32(np.nan)}, "evidence: y and mu must be"),
    ],
)
def test_check_names_what_is_wrong(change, message):
    problem = random_problem(4, blocks=5, users=6)
    certificate = certify(problem, prices(4, problem), "test")
    assert 0 in certificate.evidence_mu  # some row is for a part of the nodes
    check = check_certificate(problem.instance, dataclasses.replace(certificate, **change(certificate)))
    assert check.bound_s is None
    (fault,) = check.faults
    assert re.search(message, fault), fault
