"""The bundle method against SciPy's linear programs, on random concave piecewise linear functions of every scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from fgamcd_opt.solvers.bounds import bundle as bundle_module
from fgamcd_opt.solvers.bounds.bundle import Bundle, ascend
from fgamcd_opt.solvers.bounds.proximal_step import proximal_step


@dataclass
class Relaxation:
    """f(x) = sum_k min_j (cost_kj + use_kj . x) - room . x: what a Lagrangian relaxation of ``room`` looks like."""

    cost: np.ndarray
    use: np.ndarray
    room: np.ndarray

    @classmethod
    def draw(cls, seed: int, *, whole: bool) -> Relaxation:
        rng = np.random.default_rng(seed)
        groups, choices, n = (int(rng.integers(*span)) for span in ((1, 40), (2, 7), (1, 17)))
        cost = rng.exponential(size=(groups, choices))
        use = (rng.random((groups, choices, n)) < 0.3) * rng.exponential(size=(groups, 1, 1))
        if whole:  # many ties
            cost, use = np.round(3 * cost), np.round(3 * use)
        return cls(cost, use, use.mean(axis=1).sum(axis=0) * rng.uniform(0.3, 1.2, size=n) + 1e-3)

    def price(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        priced = self.cost + self.use @ x
        least = priced.argmin(axis=1)
        rows = np.arange(least.size)
        return float(priced[rows, least].sum() - self.room @ x), self.use[rows, least].sum(axis=0) - self.room

    def maximum(self) -> float:
        """By the dual linear program; infinite if that is infeasible."""
        choice = np.repeat(np.eye(self.cost.shape[0]), self.cost.shape[1], axis=1)
        load = self.use.reshape(-1, self.room.size).T
        solved = linprog(
            self.cost.ravel(), A_ub=load, b_ub=self.room, A_eq=choice, b_eq=np.ones(choice.shape[0])
        )
        assert solved.status in (0, 2)
        return float(solved.fun) if solved.status == 0 else np.inf

    def bundle(self, scale: float = 1.0) -> Bundle:
        n = self.room.size
        return Bundle(np.zeros(n), np.full(n, scale), ceiling=self.cost.max(axis=1).sum() * (1 + 1e-9))


def never() -> bool:
    return False


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), whole=st.booleans(), magnitude=st.integers(-3, 3))
def test_ascent_reaches_the_optimum_of_the_dual_linear_program(seed, whole, magnitude):
    function = Relaxation.draw(seed, whole=whole)
    bundle = function.bundle(10.0**magnitude)
    ascend(function.price, bundle, steps=1000, stop=never)
    best = function.maximum()
    assert bundle.unbounded == np.isinf(best)
    assert (bundle.multipliers >= 0.0).all()
    assert bundle.value == function.price(bundle.multipliers)[0]
    if np.isfinite(best):
        assert bundle.converged
        assert best - bundle.value <= 1.01e-6 * abs(bundle.value) + 1e-12
        assert bundle.value <= best * (1 + 1e-9) + 1e-12


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), seconds=st.integers(-20, 20), amounts=st.integers(-20, 20))
def test_units_change_no_step(seed, seconds, amounts):
    """Powers of four, so that the scaled numbers and their roots are exact."""
    function = Relaxation.draw(seed, whole=False)
    second, amount = 4.0**seconds, 4.0**amounts
    scaled = Relaxation(function.cost * second, function.use * amount, function.room * amount)
    plain, other = function.bundle(), scaled.bundle(second / amount)
    for _ in range(12):
        here, there = plain.propose(), other.propose()
        expected = here * (second / amount)
        np.testing.assert_allclose(there, expected, rtol=1e-6, atol=1e-6 * expected.max())
        if plain.converged or plain.unbounded:
            break
        plain.add(here, *function.price(here))
        other.add(there, *scaled.price(there))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_possible_gain_bounds_every_point_of_its_box(seed):
    function = Relaxation.draw(seed, whole=False)
    bundle = function.bundle()
    rng = np.random.default_rng(seed)
    ascend(function.price, bundle, steps=int(rng.integers(1, 12)), stop=never)
    bundle.propose()
    for _ in range(50):
        point = rng.random(function.room.size) * (2.0 * bundle.multipliers + 1.0)
        gain = function.price(point)[0] - bundle.value
        assert gain <= bundle.possible_gain + 1e-8 * abs(bundle.value)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_proximal_step_against_a_general_solver(seed):
    rng = np.random.default_rng(seed)
    k, n = int(rng.integers(1, 12)), int(rng.integers(1, 7))
    slopes, errors = rng.normal(size=(k, n)), rng.exponential(size=k)
    errors[rng.integers(k)] = 0.0
    centre = rng.exponential(size=n) * (rng.random(n) < 0.7)
    proximity = 10.0 ** rng.uniform(-2, 2)
    step, weights = proximal_step(slopes, errors, centre, proximity)

    def gain(d):
        return (errors + slopes @ d).min() - d @ d / (2 * proximity)

    assert (centre + step >= -1e-9).all()
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0.0).all()
    start = np.append(np.zeros(n), 0.0)
    solved = minimize(
        lambda z: z[:-1] @ z[:-1] / (2 * proximity) - z[-1],
        start,
        jac=lambda z: np.append(z[:-1] / proximity, -1.0),
        bounds=[(-c, None) for c in centre] + [(None, None)],
        constraints={
            "type": "ineq",
            "fun": lambda z: errors + slopes @ z[:-1] - z[-1],
            "jac": lambda z: np.hstack([slopes, -np.ones((k, 1))]),
        },
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    reference = gain(np.maximum(solved.x[:-1], -centre))
    assert gain(step) >= reference - 1e-7 * (1.0 + abs(reference))


def test_few_cuts_are_enough(monkeypatch):
    """More evaluations than cuts that are kept: old ones are dropped and the optimum is still reached."""
    monkeypatch.setattr(bundle_module, "_CUTS_PER_MULTIPLIER", 1)
    function = Relaxation.draw(9, whole=False)
    bundle = function.bundle(0.1)
    steps = ascend(function.price, bundle, steps=2000, stop=never)
    assert steps > 2 * (function.room.size + 1)
    assert bundle.converged
    assert bundle.value == pytest.approx(function.maximum(), rel=2e-6)


def test_it_stops_when_it_is_told_to():
    function = Relaxation.draw(3, whole=False)
    bundle = function.bundle()
    assert ascend(function.price, bundle, steps=5, stop=never) == 5
    value = bundle.value
    assert ascend(function.price, bundle, steps=5, stop=lambda: True) == 0
    assert bundle.value == value


def test_a_constant_function_has_converged_after_one_evaluation():
    bundle = Bundle(np.ones(3), np.ones(3))
    assert ascend(lambda x: (7.0, np.zeros(3)), bundle, steps=10, stop=never) == 1
    assert bundle.converged
    assert bundle.value == 7.0
