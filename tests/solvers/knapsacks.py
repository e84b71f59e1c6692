"""Knapsacks with arbitrary monotone rates; their choices and optima by means that share nothing with the solvers."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
from oracles import random_rates
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack, build_knapsack
from fgamcd_opt.testing.random_problems import random_problem


@cache
def small_knapsack(seed: int) -> Knapsack:
    """Three nodes and up to four blocks: all choices can be listed."""
    problem = random_problem(seed, storage_share=2.0, blocks=4, missing_links=0.0)
    return build_knapsack(problem, random_rates(seed, problem.instance.requested_blocks.size, 3))


@cache
def medium_knapsack(seed: int, storage_share: float = 1.4) -> Knapsack:
    """Four nodes and up to nine blocks of different sizes, storage tight."""
    problem = random_problem(
        seed, nodes=4, users=4, blocks=9, storage_share=storage_share, missing_links=0.0, qos_share=0.0
    )
    return build_knapsack(problem, random_rates(seed, problem.instance.requested_blocks.size, 4))


def hand_knapsack(size_bytes, storage_bytes, delays_s) -> Knapsack:
    """A knapsack from one dict per block, from bit mask to delay."""
    rows = [(k, delay, mask) for k, priced in enumerate(delays_s) for mask, delay in priced.items()]
    block, delay, mask = (np.array(column) for column in zip(*sorted(rows), strict=True))
    return Knapsack(block, mask, delay, np.array(size_bytes), np.array(storage_bytes))


def choices(knapsack: Knapsack):
    """All choices of one column per block that fit."""
    starts = knapsack.starts
    for choice in itertools.product(*(range(starts[k], starts[k + 1]) for k in range(knapsack.n_blocks))):
        if knapsack.fits(np.array(choice)):
            yield np.array(choice)


def _rows(knapsack: Knapsack) -> tuple[np.ndarray, np.ndarray]:
    """Choice rows (R, c) and storage rows (N, c), the latter in MB."""
    choice = (knapsack.block[None] == np.arange(knapsack.n_blocks)[:, None]).astype(float)
    return choice, knapsack.membership().T * knapsack.size_bytes[knapsack.block] / 1e6


def relaxed(knapsack: Knapsack, allowed: np.ndarray | None = None) -> float:
    """Value of the LP relaxation by SciPy, over the ``allowed`` columns; infinite if infeasible."""
    choice, load = _rows(knapsack)
    upper = np.ones(knapsack.block.size) if allowed is None else allowed.astype(float)
    result = linprog(
        knapsack.delay_s,
        A_ub=load,
        b_ub=knapsack.storage_bytes / 1e6,
        A_eq=choice,
        b_eq=np.ones(choice.shape[0]),
        bounds=np.stack([np.zeros(upper.size), upper], axis=1),
    )
    assert result.status in (0, 2)
    return float(result.fun) if result.status == 0 else math.inf


@cache
def optimum(knapsack: Knapsack) -> float:
    """The whole knapsack by SciPy's MILP interface, to a gap of zero; infinite if infeasible."""
    choice, load = _rows(knapsack)
    result = milp(
        knapsack.delay_s,
        constraints=[
            LinearConstraint(choice, 1, 1),
            LinearConstraint(load, ub=knapsack.storage_bytes / 1e6),
        ],
        integrality=np.ones(knapsack.block.size),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    assert result.status in (0, 2)
    return float(result.fun) if result.status == 0 else math.inf
