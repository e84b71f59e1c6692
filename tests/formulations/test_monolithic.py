"""The monolithic model against the checker: same constraints, same delay, and no inequality cuts off an optimum."""

from __future__ import annotations

import itertools

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.monolithic.monolithic_cuts import add_analytic_cuts, add_rate_cuts
from fgamcd_opt.formulations.monolithic.monolithic_model import (
    build_monolithic,
    scaled_blocks,
    time_unit_s,
)
from fgamcd_opt.formulations.monolithic.monolithic_points import assign_decision, decision_of_model
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solvers.decisions import decision_from_masks
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.testing.random_problems import random_problem

FAMILIES = {
    "qos": ("qos",),
    "power": ("power", "silence"),
    "storage": ("storage",),
    "source": ("migration_source",),
    "coverage": ("coverage",),
}
"""Constraint families of the model that a decision can violate, and what the checker calls them."""

BEAMFORMING = BeamformingSettings(rounds=4, tolerance=1e-6)


def plain_model(problem: P1):
    blocks = scaled_blocks(problem)
    return build_monolithic(problem, blocks), blocks


def strengthened(model, blocks, problem: P1) -> RateOracle:
    """Both levels of inequalities; returns the oracle whose bounds they use."""
    oracle = RateOracle(problem, BEAMFORMING)
    oracle.compute()
    add_analytic_cuts(model, blocks, time_unit_s(blocks))
    add_rate_cuts(model, blocks, oracle.upper_bps() / problem.instance.bandwidth_hz)
    return oracle


def excess(constraint) -> float:
    """How far a constraint is violated, 0 if it holds."""
    body = pyo.value(constraint.body)
    low = -np.inf if constraint.lower is None else pyo.value(constraint.lower)
    high = np.inf if constraint.upper is None else pyo.value(constraint.upper)
    return max(0.0, low - body, body - high)


def slack(constraint) -> float:
    """Distance from the nearer side of a constraint that holds."""
    sides = [side for side in (constraint.lower, constraint.upper) if side is not None]
    return min(abs(pyo.value(constraint.body) - pyo.value(side)) for side in sides)


def violations(model) -> dict[str, float]:
    """Largest violation by constraint family."""
    found: dict[str, float] = {}
    for family in model.component_objects(pyo.Constraint):
        name = family.local_name
        worst = max((excess(family[index]) for index in family), default=0.0)
        found[name] = max(found.get(name, 0.0), worst)
    return found


def outside_bounds(model) -> float:
    """Largest distance of a variable from its bounds."""
    return max(
        max(0.0, (v.lb if v.lb is not None else -np.inf) - v.value, v.value - (v.ub or np.inf))
        for v in model.component_data_objects(pyo.Var)
    )


def random_decision(problem: P1, seed: int, drive: float) -> Decision:
    """Any caching, migration over links, and beams in the span of the users' channels, many of them inadmissible."""
    data, rng = problem.instance, np.random.default_rng(seed)
    caching = rng.random((data.n_nodes, data.n_blocks)) < 0.5
    migration = rng.random((data.n_nodes, data.n_nodes, data.n_blocks)) < 0.3
    migration &= data.backhaul_bps.transpose(1, 2, 0) > 0.0
    requested = np.isin(np.arange(data.n_blocks), data.requested_blocks)
    caching, migration = caching & requested, migration & requested
    sends = caching | migration.any(axis=0)
    beams = []
    for block in data.requested_blocks:
        channels = data.block_channels(int(block))
        mixed = np.einsum("una,un->na", channels, rng.normal(size=channels.shape[:2]) * (1 + 1j))
        mixed *= (drive * np.sqrt(data.power_w) / np.linalg.norm(mixed, axis=1))[:, None]
        beams.append(mixed * (sends[:, block] | (rng.random(data.n_nodes) < 0.1))[:, None])
    return Decision(caching, migration, np.array(beams))


@pytest.mark.parametrize("seed", range(4))
def test_the_solution_of_exact_is_feasible_with_the_delay_of_the_checker(seed):
    """With every inequality added, so that none of them cuts it off."""
    problem = random_problem(
        seed, nodes=2 + seed % 2, storage_share=2.5, csi_set=("ellipsoid", "balls")[seed % 2]
    )
    solution = solve(problem, "exact").solution
    model, blocks = plain_model(problem)
    strengthened(model, blocks, problem)
    assign_decision(model, problem, blocks, solution.decision)
    assert max(violations(model).values()) < 1e-8
    assert outside_bounds(model) < 1e-8
    assert pyo.value(model.T) * time_unit_s(blocks) == pytest.approx(solution.delay_s, rel=1e-9)
    back = problem.evaluate(decision_of_model(model, problem, blocks))
    assert back.feasible
    assert back.delay_s <= solution.delay_s * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    csi_set=st.sampled_from(["ellipsoid", "balls"]),
    drive=st.sampled_from([0.5, 1.0 - 1e-9, 1.0 + 1e-4]),
)
def test_the_model_and_the_checker_find_the_same_constraints_violated(seed, csi_set, drive):
    problem = random_problem(seed % 50, nodes=2 + seed % 2, qos_share=0.2, csi_set=csi_set)
    decision = random_decision(problem, seed, drive)
    judged = problem.evaluate(decision)
    model, blocks = plain_model(problem)
    assign_decision(model, problem, blocks, decision)
    found = violations(model)
    found["power"] = max(found["power"], found.pop("silence"))
    for family, names in FAMILIES.items():
        assert (found.pop(family) > 1e-7) == any(judged.violations[name] > 1e-7 for name in names), family
    if np.isfinite(judged.delay_s):
        assert pyo.value(model.T) * time_unit_s(blocks) == pytest.approx(judged.delay_s, rel=1e-9)
        assert max(found.values()) < 1e-9
        for pb in model.pb.values():  # and no better values of the auxiliary variables are allowed
            each = [pb.spectral_efficiency, pb.broadcast, *pb.signal.values(), *pb.uncertainty.values()]
            assert max(map(slack, each)) < 1e-9
            assert min(map(slack, pb.least.values())) < 1e-9
            assert pb.M.value == 0.0 or min(map(slack, pb.slowest.values())) < 1e-9
    if judged.feasible:
        assert outside_bounds(model) < 1e-9


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
def test_inequalities_hold_for_every_choice_of_nodes(csi_set):
    """Every C and S of every block, with the oracle's beams: only storage may be violated."""
    problem = random_problem(3, nodes=3, missing_links=0.0, csi_set=csi_set, qos_share=0.7)
    model, blocks = plain_model(problem)
    oracle = strengthened(model, blocks, problem)
    served = oracle.lower_bps() > 0.0
    assert not served.all()  # some sets must be covered away
    covers = [c for r in model.pb for c in model.pb[r].set_covers.values()]
    assert covers
    rows = np.arange(len(blocks))
    every = range(1, 8)
    for caching, participating in itertools.product(every, every):
        if caching & ~participating:
            continue
        masks = np.full(rows.size, 7), np.full(rows.size, 7)
        able = served[:, participating]
        masks[0][able], masks[1][able] = caching, participating
        assign_decision(model, problem, blocks, decision_from_masks(problem, oracle, *masks))
        found = violations(model)
        found.pop("storage")
        assert max(found.values()) < 1e-7, (caching, participating, found)
    for row, mask in zip(*np.nonzero(oracle.upper_bps() == 0.0), strict=True):
        for n, variable in model.pb[int(row)].lam.items():
            variable.value = (int(mask) >> n) & 1
        assert mask == 0 or any(excess(c) > 0.5 for c in model.pb[int(row)].set_covers.values())


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    storage=st.lists(st.integers(0, 40), min_size=2, max_size=2),
)
def test_storage_holds_exactly_where_bytes_fit(sizes, storage):
    """Sizes and storage that differ by single bytes: no placement is near the limit of the model's constraint."""
    base = random_problem(0, nodes=2, users=3, blocks=len(sizes), qos_share=0.0).instance
    data = base.replace(block_bytes=np.array(sizes), storage_bytes=np.array(storage))
    problem = P1(data)
    model, _ = plain_model(problem)
    requested = np.array(sizes)[data.requested_blocks]
    for placed in itertools.product((0, 1), repeat=requested.size):
        for r, value in enumerate(placed):
            for n in range(2):
                model.pb[r].a[n].value = value
        for n in range(2):
            fits = int(np.dot(placed, requested)) <= storage[n]
            slack = excess(model.storage[n]) if n in model.storage else 0.0
            assert (slack == 0.0) if fits else (slack > 1e-3)
