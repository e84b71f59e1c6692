"""P1 handed on: files and objects judged by solvers and readers that do not come through this package."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import highspy
import mosek
import numpy as np
import pyomo.environ as pyo
import pyscipopt
import pytest
import scs
from broadcast_toys import fast_path, random_broadcast, with_floors
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array

from fgamcd_opt.formulations.knapsack.knapsack_milp import to_milp
from fgamcd_opt.formulations.monolithic.monolithic_model import scaled_blocks
from fgamcd_opt.formulations.monolithic.monolithic_points import assign_decision
from fgamcd_opt.formulations.monolithic.monolithic_pyomo import to_pyomo
from fgamcd_opt.formulations.semidefinite.broadcast_cvxpy import to_cvxpy
from fgamcd_opt.formulations.semidefinite.cbf_file import cbf_text
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp
from fgamcd_opt.io import optional
from fgamcd_opt.io.errors import BackendError, InfeasibleError, InputError, UnsupportedVariantError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solvers.milp_backends.milp_file import milp_text
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.testing.brute_force import best_delay, full_oracle
from fgamcd_opt.testing.random_problems import random_problem

VARIANTS = (
    {},
    {"granularity": "model"},
    {"cooperation": "false"},
    {"unserved": "cloud(1e9)"},
    {"delivery": "hybrid(2)"},
    {"max_senders": "1"},
)


TOLERANCE = 1e-6
"""Feasibility tolerance of HiGHS and SCIP by default."""


def by_highs(path: Path) -> float:
    """Optimum of a file; infinite if there is none."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 0.0)
    assert solver.readModel(str(path)).name == "kOk"
    solver.run()
    if solver.getModelStatus().name == "kInfeasible":
        return np.inf
    assert solver.getModelStatus().name == "kOptimal"
    return float(solver.getInfo().objective_function_value)


def by_scip(path: Path) -> float:
    """Optimum of a file; infinite if there is none."""
    solver = pyscipopt.Model()
    solver.hideOutput()
    solver.readProblem(str(path))
    solver.optimize()
    assert solver.getStatus() in ("optimal", "infeasible")
    return float(solver.getObjVal()) if solver.getStatus() == "optimal" else np.inf


def by_scs(path: Path) -> float:
    """Optimum of a semidefinite program that MOSEK's reader takes apart (without a licence) and SCS solves.

    Both keep the lower triangle of a matrix column by column, times sqrt(2) off the diagonal.
    """
    with mosek.Env() as environment, environment.Task() as task:
        task.readdata(str(path))
        assert task.getobjsense() == mosek.objsense.maximize
        assert (task.getnumcon(), task.getnumbarvar(), task.getnumintvar()) == (0, 0, 0)
        variables = range(task.getnumvar())
        assert {task.getvarbound(j)[0] for j in variables} == {mosek.boundkey.fr}
        row, column, value = task.getaccftrip()
        offset = np.array(task.getaccgvector())
        domains = [task.getaccdomain(i) for i in range(task.getnumacc())]
        kinds = [task.getdomaintype(domain) for domain in domains]
        lengths = [task.getaccn(i) for i in range(task.getnumacc())]
        cost = -np.array([task.getcj(j) for j in variables])
    assert kinds == [mosek.domaintype.rplus] + [mosek.domaintype.svec_psd_cone] * (len(kinds) - 1)
    sides = [round((np.sqrt(1 + 8 * length) - 1) / 2) for length in lengths[1:]]
    matrix = coo_array((-np.array(value), (row, column)), shape=(offset.size, cost.size)).tocsc()
    solver = scs.SCS(
        {"A": matrix, "b": offset, "c": cost},
        {"l": lengths[0], "s": sides},
        eps_abs=1e-8,
        eps_rel=1e-8,
        max_iters=200_000,
        verbose=False,
    )
    answer = solver.solve()
    assert answer["info"]["status"] in ("solved", "infeasible")
    return -float(answer["info"]["pobj"]) if answer["info"]["status"] == "solved" else -np.inf


@pytest.mark.parametrize("fields", VARIANTS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_milp_files_have_the_optimum_of_the_enumeration(
    seed: int, fields: dict[str, str], tmp_path: Path
) -> None:
    problem = P1(random_problem(seed, storage_share=1.5).instance, Variant.parse(fields))
    oracle = full_oracle(problem)
    for rates in (oracle.lower_bps(), oracle.upper_bps()):
        expected = best_delay(problem, rates)
        try:
            milp = to_milp(problem, rates)
        except InfeasibleError:
            assert expected == np.inf
            continue
        for suffix in (".mps", ".lp"):
            path = tmp_path / f"model{suffix}"
            path.write_bytes(milp_text(milp, suffix))
            for found in (by_highs(path), by_scip(path)):
                assert found / milp.matrix.per_second == pytest.approx(expected, rel=TOLERANCE)


@given(seed=st.integers(0, 2**31), spread=st.sampled_from([10, 2**20, 2**40]))
def test_a_choice_keeps_the_rows_exactly_if_it_fits_in_bytes(seed: int, spread: int) -> None:
    """In exact arithmetic, for sizes of any magnitude, and for storage that a choice just fills or just misses."""
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, nodes=2, missing_links=0.0)
    sizes = rng.integers(spread, 3 * spread, size=problem.instance.n_blocks)
    full = sizes[problem.instance.requested_blocks].sum()
    storage = np.array([full - rng.integers(0, 2), sizes.max() + rng.integers(0, spread)])
    problem = P1(problem.instance.replace(block_bytes=sizes, storage_bytes=storage))
    milp = to_milp(problem, np.tile([0.0, 1e8, 1e8, 2e8], (problem.transmissions.block.size, 1)))
    matrix, knapsack = milp.matrix, milp.knapsack
    starts = knapsack.starts
    for choice in itertools.product(*(range(a, b) for a, b in itertools.pairwise(starts))):
        load = [Fraction(0)] * matrix.n_rows
        for j in choice:
            for entry in range(matrix.starts[j], matrix.starts[j + 1]):
                load[matrix.index[entry]] += Fraction(float(matrix.value[entry]))
        kept = all(
            low <= x <= high for low, x, high in zip(matrix.row_lower, load, matrix.row_upper, strict=True)
        )
        assert kept == knapsack.fits(np.array(choice))


def test_names_say_what_a_column_stores() -> None:
    problem = random_problem(4, storage_share=3.0)
    oracle = full_oracle(problem)
    milp = to_milp(problem, oracle.lower_bps())
    names = milp.column_names()
    assert len(set(names)) == milp.matrix.n_columns
    for name, row, mask in zip(names, milp.knapsack.block, milp.knapsack.mask, strict=True):
        block, *nodes = name.removeprefix("x_block").split("_n")
        assert int(block) == problem.instance.requested_blocks[row]
        assert sum(1 << int(node) for node in nodes) == mask
    assert milp.row_names()[-1] == f"storage_n{problem.instance.n_nodes - 1}"
    assert len(milp.row_names()) == milp.matrix.n_rows


def test_rates_that_are_none_are_refused() -> None:
    problem = random_problem(0)
    rates = np.full((problem.transmissions.block.size, 8), 1e8)
    for wrong in (rates[:, :4], -rates, np.full_like(rates, np.nan)):
        with pytest.raises(InputError, match="rate_bps"):
            to_milp(problem, wrong)
    with pytest.raises(
        InfeasibleError, match=f"block {problem.instance.requested_blocks[0]}: no caching set"
    ):
        to_milp(problem, np.zeros_like(rates))


@pytest.mark.parametrize("fields", [{}, {"max_senders": "2"}], ids=str)
def test_a_solved_decision_is_a_point_of_the_pyomo_model(fields: dict[str, str]) -> None:
    """The objective times its unit is the delay that the checker finds, and every constraint holds."""
    problem = P1(random_problem(1, storage_share=1.5, qos_share=0.1).instance, Variant.parse(fields))
    result = solve(problem)
    assert result.solution is not None
    model = to_pyomo(problem)
    assign_decision(model, problem, scaled_blocks(problem), result.solution.decision)
    assert pyo.value(model.T) * model.time_unit_s.value == pytest.approx(result.delay_s, rel=1e-9)
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        assert constraint.slack() >= -1e-7, constraint.name


def test_what_the_pyomo_model_is_not_written_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(1)
    for fields, reason in (
        ({"csi": "nominal"}, "robust beams"),
        ({"cooperation": "false"}, "one joint beam"),
    ):
        with pytest.raises(UnsupportedVariantError, match=reason):
            to_pyomo(P1(problem.instance, Variant.parse(fields)))
    empty = problem.instance.replace(storage_bytes=np.zeros(3, np.int64))
    with pytest.raises(InfeasibleError, match="all caches together"):
        to_pyomo(P1(empty))
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"pyomo.*\[scip\]"):
        to_pyomo(problem)
    with pytest.raises(BackendError, match=r"cvxpy.*\[sdr\]"):
        to_cvxpy(random_broadcast(0, 2, 2))


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")  # Clarabel stops short of its own tolerance
@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize(("users", "nodes", "radius"), [(1, 2, 0.1), (2, 2, 0.2), (3, 2, 0.0)])
def test_the_cbf_file_has_the_optimum_of_the_relaxation(
    users: int, nodes: int, radius: float, csi_set: str, tmp_path: Path
) -> None:
    broadcast = random_broadcast(users, users, nodes, antennas=2, csi_set=csi_set, radius=radius)
    problem = to_cvxpy(broadcast)
    path = tmp_path / "broadcast.cbf"
    path.write_text(cbf_text(problem)[0])
    found = by_scs(path)
    space = NodeSubspace.of(broadcast, range(nodes))
    program = RobustSdp(space.shape, "clarabel")
    program.load(space)
    assert found == pytest.approx(program.solve().snr, rel=1e-5)
    problem.solve(solver="CLARABEL")
    assert problem.value == pytest.approx(found, rel=1e-5)
    _, reached, proved = fast_path(broadcast)
    assert reached * (1.0 - 1e-5) <= found
    if users == 1:  # the relaxation is tight
        assert found == pytest.approx(proved, rel=1e-4)


def test_qos_out_of_reach_is_infeasible_in_the_file_too(tmp_path: Path) -> None:
    broadcast = random_broadcast(2, 2, 2, antennas=2)
    _, _, proved = fast_path(broadcast)
    problem = to_cvxpy(with_floors(broadcast, np.full(2, 1.5 * np.sqrt(proved))))
    path = tmp_path / "broadcast.cbf"
    path.write_text(cbf_text(problem)[0])
    assert by_scs(path) == -np.inf


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
def test_the_nodes_named_send() -> None:
    """One of two nodes alone, and both: fewer nodes reach no more."""
    broadcast = random_broadcast(2, 2, 2, antennas=2)
    alone, both = to_cvxpy(broadcast, [0]), to_cvxpy(broadcast)
    for problem in (alone, both):
        problem.solve(solver="CLARABEL")
    assert 0.0 < alone.value < both.value
    with pytest.raises(InputError, match="nodes"):
        to_cvxpy(broadcast, [2])
