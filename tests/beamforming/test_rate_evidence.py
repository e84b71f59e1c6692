"""Evidence for rate bounds: proved anew from the channels with NumPy, never below a beam, as good as the table."""

from __future__ import annotations

import numpy as np
import pytest
from broadcasts import Case, members, polished_beams, random_beams, random_case
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.beamforming.rate_evidence import RateEvidence, rate_evidence

SETS = st.sampled_from(["ellipsoid", "balls"])
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4))
SETTINGS = BeamformingSettings(rounds=4)


def scaled_errors(case: Case, evidence: RateEvidence) -> tuple[np.ndarray, np.ndarray]:
    """(m, N, N_t) scaled channels and errors, from the arrays of the case."""
    channels = case.channels * np.sqrt(case.power_w / case.noise_w)[:, None]
    return channels, np.einsum("vna,nvu->una", channels, evidence.mix)


def used_share(case: Case, errors: np.ndarray) -> np.ndarray:
    """(m,) how far the errors reach into the error set: at most 1 if admissible."""
    radii = case.radii * np.sqrt(case.power_w / case.noise_w)
    share = np.linalg.norm(errors, axis=2) / np.maximum(radii, 1e-300)
    return share.max(axis=1) if case.csi_set == "balls" else np.sqrt((share**2).sum(axis=1))


@example(
    seed=380, sizes=(3, 3, 3), csi_set="ellipsoid", floor=0.0, given_beam=False
)  # an error cancels a channel
@example(seed=380, sizes=(3, 3, 3), csi_set="balls", floor=0.0, given_beam=False)
@given(seed=SEEDS, sizes=SIZES, csi_set=SETS, floor=st.floats(0.0, 1.5), given_beam=st.booleans())
def test_evidence_is_admissible_and_proves_its_sums(seed, sizes, csi_set, floor, given_beam):
    """The errors lie in the set and G~ diag(y) G~^H <= blkdiag(mu), by NumPy's eigenvalues in antenna space."""
    case = random_case(seed, *sizes, csi_set)
    rng = np.random.default_rng(seed)
    case.floors = floor * case.amplitudes(random_beams(case, rng, 20, (1 << sizes[0]) - 1)[0])
    mask = int(rng.integers(1, 1 << sizes[0]))
    assume((case.channels[:, members(mask, sizes[0])] != 0).any())
    broadcast = case.broadcast()
    table = case.table(1)
    beam = (table.x[mask], table.share[mask]) if given_beam and table.lower[mask] > 0 else (None, None)
    evidence = rate_evidence(broadcast, mask, *beam, SETTINGS)
    channels, errors = scaled_errors(case, evidence)
    assert (used_share(case, errors) <= 1 + 1e-8).all()
    inside = members(mask, sizes[0])
    assert evidence.y.sum() == pytest.approx(1.0)
    assert (evidence.y > 0).all()
    assert ((evidence.mu > 0) == inside).all()
    shifted = (channels + errors)[:, inside] * np.sqrt(evidence.y)[:, None, None]
    shifted = (shifted / np.sqrt(evidence.mu[inside])[:, None]).reshape(sizes[1], -1)
    assert np.linalg.norm(shifted, 2) ** 2 <= 1 + 1e-8


@given(seed=SEEDS, sizes=SIZES, csi_set=SETS, share=st.floats(0.0, 1.0))
def test_no_beam_of_any_subset_beats_the_evidence(seed, sizes, csi_set, share):
    """Floors at a share of what a random beam reaches: that beam of a random subset is a witness."""
    case = random_case(seed, *sizes, csi_set)
    rng = np.random.default_rng(seed)
    everyone = (1 << sizes[0]) - 1
    subset = int(rng.integers(1, everyone + 1))
    reached = case.amplitudes(random_beams(case, rng, 100, subset))
    witness = reached.min(axis=1).argmax()
    case.floors = share * reached[witness]
    evidence = rate_evidence(case.broadcast(), everyone, None, None, SETTINGS)
    bounds = evidence.snr_bounds(np.array([subset, everyone]))
    meets = (reached >= case.floors).all(axis=1)
    assert (reached[meets].min(axis=1) ** 2 <= bounds[0] * (1 + 1e-9)).all()
    assert bounds[0] <= bounds[1]
    assert evidence.snr_bound == bounds[1]


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize("sizes", [(1, 1, 2), (2, 2, 2), (2, 3, 2), (3, 3, 3)])
def test_evidence_is_tight_for_up_to_three_users(sizes, csi_set):
    """Against SciPy's beams in antenna space, without floors; with floors 50 % out of reach QoS is refuted."""
    everyone = (1 << sizes[0]) - 1
    for seed in range(2):
        case = random_case(seed, *sizes, csi_set)
        beams = polished_beams(case, everyone, np.random.default_rng(seed), 4)
        reached = case.amplitudes(beams).min(axis=1).max()
        evidence = rate_evidence(case.broadcast(), everyone, None, None, BeamformingSettings(rounds=8))
        assert reached**2 <= evidence.snr_bound <= reached**2 * 1.001
        case.floors = np.full(sizes[1], 1.5 * reached)
        refuted = rate_evidence(case.broadcast(), everyone, None, None, SETTINGS)
        assert refuted.snr_bound == 0.0
        case.floors[:-1] = 0.0  # one user alone asks for more than it would get
        case.floors[-1] = 1.02 * case.amplitudes(beams)[case.amplitudes(beams).min(axis=1).argmax()][-1]
        binding = rate_evidence(case.broadcast(), everyone, None, None, BeamformingSettings(rounds=8))
        assert binding.snr_bound <= evidence.snr_bound * (1 + 1e-6)


def test_a_set_outside_has_no_bound():
    case = random_case(0, 3, 2, 2, "ellipsoid")
    evidence = rate_evidence(case.broadcast(), 0b011, None, None, SETTINGS)
    assert np.isinf(evidence.snr_bounds(np.array([0b100, 0b111, 0b101]))).all()
    assert np.isfinite(evidence.snr_bounds(np.array([0b001, 0b010, 0b011]))).all()
