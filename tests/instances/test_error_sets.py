"""Every error set against random errors of its own definition, and the tables and codes that name the sets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_problems import complex_normal

from fgamcd_opt.beamforming.beam_cones import CONES
from fgamcd_opt.certificates.evidence_check import pulled_inside
from fgamcd_opt.core import error_terms
from fgamcd_opt.formulations.monolithic.monolithic_beams import UNCERTAINTY
from fgamcd_opt.instances.error_sets import (
    CSI_SETS,
    ERROR_SETS,
    Balls,
    Ellipsoid,
    ErrorSet,
    error_set_named,
)
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.worst_case import worst_case_amplitude, worst_error
from fgamcd_opt.testing.random_problems import worst_amplitudes

SETS = st.sampled_from(list(ERROR_SETS.values()))
SEEDS = st.integers(0, 2**32 - 1)
ROUNDING = 1e-12

REACH: dict[type[ErrorSet], Callable[[np.ndarray], np.ndarray]] = {
    Ellipsoid: lambda share: np.sqrt((share**2).sum(axis=-1)),
    Balls: lambda share: share.max(axis=-1),
}
"""By definition: an error with ||e_n|| / eps_n (..., N) belongs to the set if and only if this is at most 1."""


def draw(seed: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """Beams (N, N_t), some nodes silent, and radii (N,), some of them zero."""
    rng = np.random.default_rng(seed)
    nodes, antennas = rng.integers(1, 5, size=2)
    w = complex_normal(rng, nodes, antennas) * (rng.random((nodes, 1)) < 0.8)
    return rng, w, rng.random(nodes) * (rng.random(nodes) < 0.8)


def reach(error_set: ErrorSet, errors: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How far errors (..., N, N_t) reach, 1 at the boundary; infinite where a node without error has one."""
    length = np.linalg.norm(errors, axis=-1)
    share = np.divide(length, radius, out=np.where(length > 0.0, np.inf, 0.0), where=radius > 0.0)
    return REACH[type(error_set)](share)


def sampled(rng: np.random.Generator, error_set: ErrorSet, shape: tuple[int, int], count: int) -> np.ndarray:
    """(count, N, N_t) members of the set of unit radii, half of them on its boundary."""
    raw = complex_normal(rng, count, *shape) * rng.random((count, shape[0], 1)) ** 2
    raw /= REACH[type(error_set)](np.linalg.norm(raw, axis=-1))[:, None, None]
    return raw * np.where(rng.random(count) < 0.5, 1.0, rng.random(count))[:, None, None]


@given(seed=SEEDS, error_set=SETS)
def test_no_admissible_error_takes_more_than_q(seed, error_set):
    rng, w, radius = draw(seed)
    errors = radius[:, None] * sampled(rng, error_set, w.shape, 200)
    taken = np.abs((errors.conj() * w).sum(axis=(1, 2)))
    assert taken.max() <= error_set.loss(radius * np.linalg.norm(w, axis=-1)) * (1 + ROUNDING)


@given(seed=SEEDS, error_set=SETS)
def test_the_worst_direction_is_admissible_and_takes_q(seed, error_set):
    _, w, radius = draw(seed)
    worst = error_set.worst_direction(w, radius)
    q = float(error_set.loss(radius * np.linalg.norm(w, axis=-1)))
    assert reach(error_set, worst, radius) <= 1 + ROUNDING
    assert np.vdot(worst, w) == pytest.approx(q, rel=1e-12, abs=1e-300)


@given(seed=SEEDS, error_set=SETS)
def test_the_worst_error_leaves_what_the_independent_formula_says(seed, error_set):
    rng, w, radius = draw(seed)
    h = complex_normal(rng, *w.shape)
    left = float(worst_amplitudes(h[None], radius[None], w, error_set.name)[0])
    error = worst_error(h, w, radius, error_set)
    assert reach(error_set, error, radius) <= 1 + ROUNDING
    assert np.abs(np.vdot(h + error, w)) == pytest.approx(left, abs=1e-12 * (1 + np.linalg.norm(w)) * 10)
    assert worst_case_amplitude(h, w, radius, error_set) <= left + ROUNDING


@given(seed=SEEDS, error_set=SETS, size=st.floats(1e-3, 1e3))
def test_the_gauge_scales_errors_into_the_set(seed, error_set, size):
    """Errors within stay, others end at the boundary; what the certificate takes is within without any tolerance."""
    rng, w, radius = draw(seed)
    errors = size * radius[:, None] * complex_normal(rng, 50, *w.shape)
    share = np.linalg.norm(errors, axis=-1) / np.where(radius > 0.0, radius, 1.0)
    scaled = errors / np.maximum(1.0, error_set.gauge(share))[..., None]
    before, after = reach(error_set, errors, radius), reach(error_set, scaled, radius)
    assert after == pytest.approx(np.minimum(before, 1.0), rel=1e-12)
    assert (scaled[before < 1.0] == errors[before < 1.0]).all()
    beyond = errors + complex_normal(rng, 50, *w.shape)  # at nodes without error, too
    assert reach(error_set, pulled_inside(beyond[None], radius, error_set)[0], radius).max() <= 1.0


@given(seed=SEEDS, error_set=SETS, margin=st.sampled_from([0.0, 1e-12, 0.1]))
def test_lone_cuts_are_an_admissible_error_and_cut_all_of_q_but_the_margin(seed, error_set, margin):
    rng, _, radius = draw(seed)
    sending = rng.random((4, radius.size)) < 0.6
    radii = np.stack([radius, rng.random(radius.size)])
    cuts = [
        np.broadcast_to(cut, (4, 2)) * sending[:, n, None]
        for n, cut in enumerate(error_set.lone_cuts(radii, sending, margin))
    ]
    stacked = np.stack(cuts, axis=2)
    assert stacked.shape == (4, 2, radius.size)
    assert reach(error_set, stacked[..., None], radii).max() <= 1 + ROUNDING
    q = error_set.loss(radii * sending[:, None])
    total = stacked.sum(axis=2)
    assert (total <= q * (1 + ROUNDING)).all()
    assert (total >= q * (1 - 2.1 * margin - ROUNDING)).all()


@given(seed=SEEDS, error_set=SETS)
def test_multipliers_of_the_s_procedure_hold_on_the_whole_set(seed, error_set):
    """Lemma 1 needs z^H D(nu) z <= sum(nu) for every z of the unit set; the worst one for equal beams attains it."""
    rng = np.random.default_rng(seed)
    nodes, antennas = (int(n) for n in rng.integers(1, 4, size=2))
    rows = error_set.multiplier_rows([antennas] * nodes)
    assert rows.shape[0] == nodes * antennas
    assert (rows.max(axis=1) == 1.0).all()
    assert (rows.sum(axis=1) == 1.0).all()
    nu = rng.random(rows.shape[1])
    unit = sampled(rng, error_set, (nodes, antennas), 200)
    assert (np.abs(unit.reshape(200, -1)) ** 2 @ (rows @ nu)).max() <= nu.sum() * (1 + ROUNDING)
    full = error_set.worst_direction(np.ones((nodes, antennas), complex), np.ones(nodes))
    assert np.abs(full.reshape(-1)) ** 2 @ (rows @ nu) == pytest.approx(nu.sum(), rel=1e-12)


@given(seed=SEEDS, error_set=SETS)
def test_kernels_read_the_code_as_the_set_that_it_stands_for(seed, error_set):
    rng = np.random.default_rng(seed)
    radius2, share, q = rng.random((3, 2)), rng.random(3), np.empty(2)
    error_terms(radius2, share, error_set.code, q)
    np.testing.assert_allclose(q, error_set.loss(np.sqrt(radius2.T) * share), rtol=1e-12)


def test_every_table_names_every_set():
    kinds = {type(kind) for kind in ERROR_SETS.values()}
    assert kinds == set(UNCERTAINTY) == set(CONES) == set(REACH)
    assert [kind.name for kind in ERROR_SETS.values()] == list(CSI_SETS)
    assert len({kind.code for kind in ERROR_SETS.values()}) == len(kinds)


def test_a_set_has_no_data_and_equals_its_like():
    """So that shapes of programs can be compared."""
    assert Ellipsoid() == error_set_named("ellipsoid") != Balls()
    assert hash(Balls()) == hash(error_set_named("balls"))


@pytest.mark.parametrize("name", ["cube", "Balls", "", ["balls"], None])
def test_an_unknown_set_is_refused_by_name(name):
    with pytest.raises(InputError, match=r"csi_set: .* is unknown; expected one of ellipsoid, balls"):
        error_set_named(name)
