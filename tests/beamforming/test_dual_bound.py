"""F6: weak duality of the formula on random trials; the minimised bound against SciPy and against its own proof."""

from __future__ import annotations

import numpy as np
import pytest
from broadcasts import Case, random_beams, random_case
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize

from fgamcd_opt.core import minimise_bound, relaxation_errors, shifted_gram
from fgamcd_opt.testing.random_problems import complex_normal

SETS = st.sampled_from(["ellipsoid", "balls"])
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4))


def random_errors(case: Case, rng: np.random.Generator) -> np.ndarray:
    """(m, N, N_t) admissible errors, most of them on the boundary of the set."""
    raw = complex_normal(rng, *case.channels.shape)
    if case.csi_set == "balls":
        raw /= np.linalg.norm(raw, axis=2, keepdims=True)
    else:
        raw /= np.linalg.norm(raw, axis=(1, 2), keepdims=True)
    shrink = np.where(rng.random(case.floors.size) < 0.7, 1.0, rng.random(case.floors.size))
    return raw * case.radii[:, :, None] * shrink[:, None, None]


def worst_errors(case: Case, beam: np.ndarray) -> np.ndarray:
    """(m, N, N_t) worst errors of F1 for one beam: -C^{-1} w / q, or -eps_n w_n / ||w_n||, times the signal's phase."""
    norms = np.linalg.norm(beam, axis=1)
    if case.csi_set == "balls":
        direction = case.radii[:, :, None] * (beam / np.maximum(norms, 1e-12)[:, None])
    else:
        q = np.sqrt(case.radii**2 @ norms**2)
        direction = case.radii[:, :, None] ** 2 * beam / np.maximum(q, 1e-12)[:, None, None]
    signal = np.einsum("una,na->u", case.channels.conj(), beam)
    return -direction * np.exp(-1j * np.angle(signal))[:, None, None]


def formula(case: Case, errors: np.ndarray, y: np.ndarray, mu: np.ndarray) -> float:
    """(sum_n mu_n P_n) lambda_max( diag(sqrt y) [sum_n G~_n^H G~_n / mu_n] diag(sqrt y) ), F6 as P1.md states it."""
    shifted = (case.channels + errors) / np.sqrt(case.noise_w)
    grams = np.einsum("una,vna->nuv", shifted.conj(), shifted)
    matrix = np.sqrt(np.outer(y, y)) * (grams / mu[:, None, None]).sum(axis=0)
    return float(mu @ case.power_w * np.linalg.eigvalsh(matrix)[-1])


@given(seed=SEEDS, sizes=SIZES, csi_set=SETS)
def test_weak_duality_for_any_multipliers_and_errors(seed, sizes, csi_set):
    case = random_case(seed, *sizes, csi_set, radius=0.3)
    rng = np.random.default_rng(seed)
    beams = random_beams(case, rng, 200, (1 << sizes[0]) - 1)
    reached = case.amplitudes(beams).min(axis=1) ** 2
    for errors in (random_errors(case, rng), worst_errors(case, beams[reached.argmax()])):
        for _ in range(5):
            y, mu = rng.dirichlet(np.full(sizes[1], 0.7)), rng.uniform(0.1, 3.0, size=sizes[0])
            assert reached.max() <= formula(case, errors, y, mu) * (1 + 1e-9)


@given(seed=SEEDS, sizes=SIZES, csi_set=SETS)
def test_the_tables_bound_is_not_below_what_duality_allows(seed, sizes, csi_set):
    """The best value of the dual over a few multipliers never undercuts the beam in the table."""
    case = random_case(seed, *sizes, csi_set)
    everyone = (1 << sizes[0]) - 1
    table = case.table()
    assume(table.lower[everyone] > 0)
    beam = table.broadcast.beam(table.x[everyone], table.share[everyone])
    errors = worst_errors(case, beam)
    y = np.abs(table.x[everyone]) / np.abs(table.x[everyone]).sum()
    mu = np.linalg.norm(np.einsum("una,u->na", table.broadcast.channels, table.x[everyone]), axis=1)
    assert table.lower[everyone] <= formula(case, errors, y, np.maximum(mu, 1e-9) / case.power_w) * (1 + 1e-9)


def minimised(case: Case, errors: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The package's bound for fixed errors, with its multipliers (for unit powers)."""
    shifted = (case.channels + errors) * np.sqrt(case.power_w / case.noise_w)[:, None]
    grams = np.ascontiguousarray(np.einsum("una,vna->nuv", shifted.conj(), shifted))
    users = case.floors.size
    y, mu = np.full(users, 1.0 / users), np.ones(case.n_nodes)
    ranks = np.minimum(case.antennas, users).astype(float)
    bound = minimise_bound(grams, ranks, y, mu, np.zeros((users, users), complex), 1e-6, 0.0)
    return bound, y, mu


@given(seed=SEEDS, sizes=SIZES, csi_set=SETS)
def test_minimised_bound_is_proved_by_its_own_multipliers(seed, sizes, csi_set):
    """NumPy's eigenvalues confirm that the multipliers returned prove the value returned."""
    case = random_case(seed, *sizes, csi_set)
    errors = random_errors(case, np.random.default_rng(seed))
    bound, y, mu = minimised(case, errors)
    assert y.sum() == pytest.approx(1.0)
    assert (y > 0).all()
    assert (mu > 0).all()
    assert formula(case, errors, y, mu / case.power_w) <= bound * (1 + 1e-12)


@pytest.mark.parametrize("sizes", [(1, 2, 2), (2, 3, 2), (3, 4, 4), (2, 6, 3)])
def test_minimised_bound_reaches_the_minimum_of_the_formula(sizes):
    """SciPy minimises the formula itself over (log y, log mu), without derivatives of ours."""
    for seed in range(4):
        case = random_case(seed, *sizes, "ellipsoid")
        errors = random_errors(case, np.random.default_rng(seed))
        users, nodes = sizes[1], sizes[0]

        def value(point, case=case, errors=errors, users=users):
            y = np.exp(point[:users] - point[:users].max())
            return np.log(formula(case, errors, y / y.sum(), np.exp(point[users:])))

        found = min(
            minimize(
                value, start, method="Nelder-Mead", options={"maxiter": 6000, "maxfev": 6000, "fatol": 1e-9}
            ).fun
            for start in (np.zeros(users + nodes), np.random.default_rng(seed).normal(size=users + nodes))
        )
        bound, _, _ = minimised(case, errors)
        assert bound <= np.exp(found) * (1 + 1e-5)


@given(seed=SEEDS, sizes=SIZES)
def test_errors_refined_against_the_relaxation_stay_admissible(seed, sizes):
    """sum_n ||e_n||^2 / eps_n^2 <= 1 for every user, so that the bound made with them is valid."""
    case = random_case(seed, *sizes, "ellipsoid", radius=0.4)
    problem = case.broadcast()
    users, nodes = sizes[1], sizes[0]
    mix = np.zeros((nodes, users, users), complex)
    shifted = np.empty_like(problem.gram)
    factor = np.zeros((users, users), complex)
    y, mu = np.full(users, 1.0 / users), np.ones(nodes)
    for _ in range(3):
        shifted_gram(problem.gram, mix, shifted)
        minimise_bound(shifted, problem.ranks, y, mu, factor, 1e-4, 0.0)
        refined = np.empty_like(mix)
        relaxation_errors(problem.gram, problem.radius2, False, mix, mu, factor, refined)
        mix = refined
        errors = np.einsum("vna,nvu->una", problem.channels, mix)
        used = (np.linalg.norm(errors, axis=2) ** 2 / problem.radius2.T).sum(axis=1)
        assert (used <= 1 + 1e-8).all()
