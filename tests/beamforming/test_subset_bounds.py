"""Bounds of a set from evidence for a larger one: never below a beam, never above the plain sum of multipliers."""

from __future__ import annotations

import numpy as np
import pytest
from broadcasts import Case, members, random_beams, random_case
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_evidence import rate_evidence, restrict_evidence
from fgamcd_opt.beamforming.subset_bounds import whitened
from fgamcd_opt.core import inherited_bound, lone_users_bound

SETS = st.sampled_from(["ellipsoid", "balls"])
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(2, 4), st.integers(1, 5), st.integers(1, 3))
SETTINGS = BeamformingSettings(rounds=1)


def with_floors(case: Case, rng: np.random.Generator, subset: int, share: float) -> np.ndarray:
    """Floors at a share of what one of many random beams of ``subset`` reaches; (beams, m) amplitudes of them all."""
    reached = case.amplitudes(random_beams(case, rng, 60, subset))
    case.floors = share * reached[reached.min(axis=1).argmax()]
    return reached


@given(seed=SEEDS, sizes=SIZES, csi_set=SETS, share=st.floats(0.0, 1.0))
def test_no_beam_of_a_subset_beats_what_it_inherits(seed, sizes, csi_set, share):
    case = random_case(seed, *sizes, csi_set)
    rng = np.random.default_rng(seed)
    everyone = (1 << sizes[0]) - 1
    subset = int(rng.integers(1, everyone + 1))
    reached = with_floors(case, rng, subset, share)
    meets = (reached >= case.floors).all(axis=1)
    best = (reached[meets].min(axis=1) ** 2).max()
    reduced = case.broadcast()
    parent = rate_evidence(reduced, everyone, None, None, SETTINGS)
    bounds = [lone_users_bound(reduced.gram, reduced.radius2, reduced.error_set.code, reduced.floors, subset)]
    for evidence in (parent, restrict_evidence(reduced, parent, subset, 1e-3)):
        parts, mu = whitened(reduced, evidence)
        bounds.append(inherited_bound(parts, evidence.y, mu, reduced.floors, subset, np.inf))
    assert best <= min(bounds) * (1 + 1e-9)
    plain = parent.snr_bounds(np.array([subset]))[0]
    assert max(bounds[1], 0.0) <= plain * (1 + 1e-3)


@given(seed=SEEDS, sizes=SIZES, csi_set=SETS)
def test_the_eigenvalue_is_proved_and_close(seed, sizes, csi_set):
    """Against NumPy, without floors: bound = (sum of mu) lambda_max / (sum of y)."""
    case = random_case(seed, *sizes, csi_set)
    everyone = (1 << sizes[0]) - 1
    reduced = case.broadcast()
    evidence = rate_evidence(reduced, everyone, None, None, SETTINGS)
    parts, mu = whitened(reduced, evidence)
    assert np.linalg.eigvalsh(parts.sum(axis=0))[-1] == pytest.approx(1.0, rel=1e-8)
    for subset in range(1, everyone + 1):
        inside = members(subset, sizes[0])
        largest = max(np.linalg.eigvalsh(parts[inside].sum(axis=0))[-1], 0.0)
        exact = mu[inside].sum() * largest / evidence.y.sum()
        found = inherited_bound(parts, evidence.y, mu, reduced.floors, subset, np.inf)
        assert exact * (1 - 1e-9) <= found <= exact * (1 + 2e-2) + 1e-200
        assert inherited_bound(parts, evidence.y, mu, reduced.floors, subset, 2.0 * exact) in (found, np.inf)
        if exact > 0.0:  # never given up where it would be of use
            assert inherited_bound(parts, evidence.y, mu, reduced.floors, subset, 1.001 * exact) == found


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
def test_one_user_inherits_nearly_the_closed_form(csi_set):
    """The multipliers of one user are proportional to the amplitudes per node: without errors nothing is lost (F3)."""
    case = random_case(1, 4, 1, 3, csi_set, radius=0.0)
    reduced = case.broadcast()
    evidence = rate_evidence(reduced, 15, None, None, SETTINGS)
    parts, mu = whitened(reduced, evidence)
    gain = np.linalg.norm(case.channels[0], axis=1) * np.sqrt(case.power_w / case.noise_w)
    for subset in range(1, 16):
        exact = gain[members(subset, 4)].sum() ** 2
        assert inherited_bound(parts, evidence.y, mu, reduced.floors, subset, np.inf) == pytest.approx(
            exact, rel=1e-3
        )
        assert lone_users_bound(
            reduced.gram, reduced.radius2, reduced.error_set.code, reduced.floors, subset
        ) == pytest.approx(exact)


def test_new_multipliers_prove_most_of_what_full_evidence_proves():
    """Sets of half the nodes: the plain inheritance loses a multiple of what is lost with new multipliers."""
    case = random_case(3, 6, 4, 2, "ellipsoid", equal=True)
    reduced = case.broadcast()
    parent = rate_evidence(reduced, 63, None, None, SETTINGS)
    lost = []
    for subset in (0b000111, 0b101010, 0b110001, 0b011100):
        full = np.log1p(rate_evidence(reduced, subset, None, None, SETTINGS).snr_bound)
        new = np.log1p(restrict_evidence(reduced, parent, subset, 1e-4).snr_bound)
        parts, mu = whitened(reduced, parent)
        plain = np.log1p(inherited_bound(parts, parent.y, mu, reduced.floors, subset, np.inf))
        lost.append((plain / full - 1, new / full - 1))
    plain, new = np.mean(lost, axis=0)
    assert new < 0.3 * plain
    assert new < 0.1
