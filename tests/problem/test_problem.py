"""The declaration of P1, and the quick proofs of infeasibility."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from toy_problems import complex_normal, random_instance, solved_toy

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.problem.worst_case import worst_case_rate_bps

SEEDS = st.integers(0, 2**32 - 1)


def test_declaration_covers_evaluation_and_data():
    """Every declared constraint is measured, every variable and parameter is a field that exists."""
    instance, solution = solved_toy()
    problem = P1(instance)
    violations = problem.evaluate(solution.decision).violations
    assert {c.name for c in problem.constraints} == set(violations)
    assert {v.name for v in problem.variables} == {f.name for f in dataclasses.fields(Decision) if f.init}
    assert {p.field for p in problem.parameters} <= {f.name for f in dataclasses.fields(Instance)}
    assert {s.symbol: s.size for s in problem.sets} == {
        "N": 3,
        "U": 2,
        "M": 2,
        "K": 3,
        "R": 3,
        "P": 4,
        "T": 3,
    }


def test_description_names_every_part():
    problem = P1(solved_toy()[0])
    text = problem.describe()
    for part in (*problem.sets, *problem.parameters, *problem.variables):
        assert part.symbol in text
    for constraint in problem.constraints:
        assert constraint.name in text
        assert constraint.equation in text
    assert problem.objective.formula in text


@pytest.mark.parametrize(
    ("fields", "objective", "constraints"),
    [
        ({"delivery": "hybrid(4)"}, "|U_k| > 4", {"sender"}),
        ({"delivery": "unicast_tdma"}, "sum_{u in U_k}", set()),
        ({"delivery": "local_broadcast"}, "associated with n", {"sender"}),
        ({"granularity": "model"}, "each requested model separately", {"whole_model"}),
        ({"cooperation": "false"}, "T = sum_k", {"cooperation", "own_users"}),
        ({"unserved": "cloud(1e9)"}, "costs D_k / (1000000000.0 bit/s) per user", {"coverage"}),
    ],
)
def test_variants_change_one_declaration_and_measure_it(fields, objective, constraints):
    instance, _ = solved_toy()
    problem = P1(instance, Variant.parse(fields))
    names = {c.name for c in problem.constraints}
    assert objective in problem.objective.formula
    assert names ^ {c.name for c in P1(instance).constraints} == constraints
    nothing = np.zeros((problem.transmissions.count, instance.n_nodes, instance.channel.shape[2]), complex)
    caching = np.zeros((instance.n_nodes, problem.data.n_blocks), bool)
    idle = Decision(caching, np.zeros((instance.n_nodes, *caching.shape), bool), nothing)
    assert set(problem.evaluate(idle).violations) == names


def test_nominal_csi_is_judged_on_the_real_errors():
    instance, solution = solved_toy()
    nominal = P1(instance, Variant.parse({"csi": "nominal"}))
    assert nominal.evaluate(solution.decision).delay_s == solution.delay_s


def test_infeasible_by_total_storage():
    instance = solved_toy()[0].replace(storage_bytes=np.array([500, 499, 0]))
    assert P1(instance).infeasibility_reason() == (
        "the requested blocks take 1000 bytes, but all caches together hold 999 bytes (storage, eq. 1)"
    )


def test_infeasible_by_the_largest_block():
    instance = solved_toy()[0].replace(storage_bytes=np.array([499, 499, 499]))
    assert P1(instance).infeasibility_reason() == (
        "block 'b0' takes 500 bytes, but the largest cache holds 499 bytes (storage, eq. 1)"
    )


def test_infeasible_by_qos():
    instance = solved_toy()[0].replace(qos_bps=np.array([0.0, 1e4]))
    reason = P1(instance).infeasibility_reason()
    assert reason is not None
    assert reason.startswith("user 1 needs 10000 bit/s")


def test_the_cloud_serves_what_does_not_fit():
    instance = solved_toy()[0].replace(storage_bytes=np.zeros(3, dtype=int))
    assert P1(instance).infeasibility_reason() is not None
    assert P1(instance, Variant.parse({"unserved": "cloud(1e9)"})).infeasibility_reason() is None


@given(SEEDS)
@example(9999999)  # as drawn, a radius above the norm of the channel
def test_storage_reason_is_never_given_when_some_caching_fits(seed):
    """Brute force: put every requested block on each node in turn; every user hears somebody, and none has QoS."""
    drawn = random_instance(seed)
    instance = drawn.replace(qos_bps=np.zeros(drawn.n_users), csi_radius=np.zeros_like(drawn.csi_radius))
    sizes = instance.block_bytes[instance.requested_blocks]
    fits = any(
        (np.bincount(homes, weights=sizes, minlength=instance.n_nodes) <= instance.storage_bytes).all()
        for homes in itertools.product(range(instance.n_nodes), repeat=sizes.size)
    )
    if P1(instance).infeasibility_reason() is not None:
        assert not fits


@given(seed=SEEDS, csi_set=st.sampled_from(["ellipsoid", "balls"]))
def test_qos_reason_is_never_given_for_a_rate_that_some_beam_reaches(seed, csi_set):
    """QoS set to what sampled beams reach, with radii that may exceed the channel; a user may be out of reach."""
    rng = np.random.default_rng(seed)
    toy = random_instance(seed, csi_set)
    scale = rng.choice([0.1, 1.0, 10.0], size=toy.csi_radius.shape)
    toy = toy.replace(storage_bytes=np.full(toy.n_nodes, 10**6), csi_radius=toy.csi_radius * scale)
    beams = complex_normal(rng, toy.pair_user.size, 100, toy.n_nodes, toy.channel.shape[2])
    beams += 3 * toy.channel[toy.pair_channel][:, None]
    beams *= (np.sqrt(toy.power_w) / np.linalg.norm(beams, axis=-1))[..., None]
    beams *= rng.integers(0, 2, size=beams.shape[:-1])[..., None]
    rates = worst_case_rate_bps(
        toy.channel[toy.pair_channel][:, None],
        beams,
        toy.csi_radius[toy.pair_channel][:, None],
        toy.error_set,
        bandwidth_hz=toy.bandwidth_hz,
        noise_w=toy.noise_w,
    ).max(axis=1)
    reached = np.array([rates[toy.pair_user == u].min() for u in range(toy.n_users)])
    reason = P1(toy.replace(qos_bps=reached)).infeasibility_reason()
    assert reason is None or ("the rate is 0" in reason and reached.min() == 0.0)
