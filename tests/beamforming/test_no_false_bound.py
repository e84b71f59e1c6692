"""No bound on a rate lies below a rate that the checker's formula verifies, on channels that are hard on rounding.

The truth is a search of its own: random beams and perturbations of the best of them, judged by equation (6) alone.
"""

from __future__ import annotations

import numpy as np
import pytest
from broadcasts import Case, members
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, Broadcast, SetTable, masks_by_size
from fgamcd_opt.beamforming.rate_evidence import rate_evidence, restrict_evidence
from fgamcd_opt.beamforming.subset_bounds import whitened
from fgamcd_opt.core import inherited_bound, lone_users_bound
from fgamcd_opt.instances.error_sets import error_set_named
from fgamcd_opt.problem.tolerances import owed_rate_bps
from fgamcd_opt.problem.worst_case import worst_case_rate_bps

BANDWIDTH_HZ = 10e6
POWERS = np.array([1.0, 2.0, 1.0, 0.5])
FAMILIES = ("signs", "quarters", "on-off", "opposite", "collinear", "norm", "uneven")
SETTINGS = BeamformingSettings(rounds=1, tolerance=1e-4)


def hard_case(family: str, seed: int, csi_set: str, delta: float, scale: float) -> Case:
    """Two or three users, three or four nodes of one antenna (two where channels are collinear)."""
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    users, nodes = int(rng.integers(2, 4)), int(rng.integers(3, 5))
    shape = (users, nodes, 1)
    channels = rng.choice([1.0, -1.0], shape).astype(complex)
    if family == "quarters":
        channels = rng.choice([1.0, 1j, -1.0, -1j], shape)
    elif family == "on-off":
        channels = rng.choice([0.0, 1.0, -1.0], shape).astype(complex)
    elif family == "opposite":
        channels *= np.exp(1j * 10.0 ** -rng.uniform(6, 16, shape) * rng.choice([0.0, 1.0], shape))
    elif family == "collinear":
        direction = rng.standard_normal((1, nodes, 2)) + 1j * rng.standard_normal((1, nodes, 2))
        noise = rng.standard_normal((users, nodes, 2)) * 10.0 ** -rng.uniform(6, 16, (users, nodes, 1))
        channels = channels * direction + noise
    elif family == "uneven":
        channels *= 10.0 ** rng.integers(-4, 5, shape)
    norms = np.linalg.norm(channels, axis=2)
    radii = delta * norms
    if family == "norm":
        radii = norms * rng.choice([1.0, 1.0 - 1e-15, 1.0 - 1e-9, 0.3, 0.0], norms.shape)
    return Case(
        channels=channels * scale,
        radii=radii * scale,
        power_w=POWERS[:nodes],
        antennas=np.full(nodes, channels.shape[2]),
        noise_w=0.3 * scale**2,
        floors=np.zeros(users),
        csi_set=csi_set,
    )


def verified_rate(case: Case, mask: int, rng: np.random.Generator) -> float:
    """Best worst-case rate in bit/s that a search finds for a node set, by the checker's formula under its QoS rule."""
    sending = members(mask, case.n_nodes)
    shape = case.channels.shape[1:]
    amplitude = np.sqrt(case.power_w)

    def judged(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Beams of at most full power with the phases and shares of ``raw`` (b, N, N_t), and their least rates."""
        norm = np.linalg.norm(raw, axis=2, keepdims=True)
        unit = raw / np.where(norm > 0.0, np.maximum(norm, 1.0), 1.0)
        beams = unit * (amplitude * sending)[:, None] * (1 - 1e-15)
        rates = worst_case_rate_bps(
            case.channels,
            beams[:, None],
            case.radii,
            error_set_named(case.csi_set),
            bandwidth_hz=BANDWIDTH_HZ,
            noise_w=case.noise_w,
        )
        met = (rates >= owed_rate_bps(case.qos_bps)).all(axis=1)
        return raw, np.where(met, rates.min(axis=1), 0.0)

    def draw(count: int) -> np.ndarray:
        return rng.standard_normal((count, *shape)) + 1j * rng.standard_normal((count, *shape))

    raw, rates = judged(draw(300) * 3.0)
    best, found = raw[rates.argmax()], rates.max()
    for spread in np.geomspace(1.0, 1e-6, 20):
        raw, rates = judged(best + spread * draw(60))
        if rates.max() > found:
            best, found = raw[rates.argmax()], rates.max()
    return float(found)


def rate_of(snr: float) -> float:
    """B log2(1 + SNR) in bit/s."""
    return float(BANDWIDTH_HZ * np.log1p(snr) / np.log(2.0))


def claims(problem: Broadcast, mask: int) -> list[float]:
    """Bounds on the SNR of one set from lone users and from evidence for all nodes and for the set; -1 as 0."""
    bounds = [lone_users_bound(problem.gram, problem.radius2, problem.error_set.code, problem.owed, mask)]
    everyone = (1 << problem.power_w.size) - 1
    heard = problem.gram.real.max(axis=(1, 2)) > 0.0
    if heard[members(mask, problem.power_w.size)].any():
        parent = rate_evidence(problem, everyone, None, None, SETTINGS)
        evidence = [parent, rate_evidence(problem, mask, None, None, SETTINGS)]
        if parent.proves:
            evidence.append(restrict_evidence(problem, parent, mask, 1e-2))
        for proof in evidence:
            bounds.append(proof.snr_bounds(np.array([mask]))[0])
            if proof.proves:
                parts, mu = whitened(problem, proof)
                bounds.append(inherited_bound(parts, proof.y, mu, problem.owed, mask, np.inf))
    return [max(bound, 0.0) for bound in bounds]


def assert_sound(case: Case, seed: int, max_nodes: int) -> None:
    """Every bound of the table and of evidence holds, every rate of the table is one of its beam."""
    rng = np.random.default_rng(seed)
    problem = case.broadcast()
    table = SetTable(problem)
    table.solve(masks_by_size(case.n_nodes), BeamformingSettings(rounds=1, max_nodes=max_nodes), 0)
    table.close()
    everyone = (1 << case.n_nodes) - 1
    chosen = {everyone, int(rng.integers(1, everyone + 1))}
    for mask in range(1, everyone + 1):
        if table.status[mask] == 1:
            beam = problem.beam(table.x[mask], table.share[mask])
            assert not beam[~members(mask, case.n_nodes)].any()
            assert (np.linalg.norm(beam, axis=1) ** 2 <= case.power_w).all()
            own = worst_case_rate_bps(
                case.channels,
                beam,
                case.radii,
                error_set_named(case.csi_set),
                bandwidth_hz=BANDWIDTH_HZ,
                noise_w=case.noise_w,
            )
            assert rate_of(table.lower[mask]) == pytest.approx(own.min(), rel=1e-6)
            assert own.min() > 0.0
            assert (own >= owed_rate_bps(case.qos_bps)).all()
        else:
            assert table.lower[mask] == 0.0
        assert (table.status[mask] == -1) == (table.upper[mask] == 0.0)
        if mask in chosen:
            truth = max(verified_rate(case, mask, rng), rate_of(table.lower[mask]))
            for bound in (table.upper[mask], *claims(problem, mask)):
                assert rate_of(bound) >= truth * (1 - 1e-12)


@settings(max_examples=60)
@given(
    family=st.sampled_from(FAMILIES),
    seed=st.integers(0, 2**16),
    csi_set=st.sampled_from(["ellipsoid", "balls"]),
    delta=st.sampled_from([0.0, 1e-9, 0.05, 0.3, 0.999999]),
    scale=st.sampled_from([1.0, 1e-60, 1e40]),
)
def test_no_bound_below_a_verified_rate(family, seed, csi_set, delta, scale):
    assert_sound(hard_case(family, seed, csi_set, delta, scale), seed, 0)


@settings(max_examples=15)
@given(
    family=st.sampled_from(FAMILIES),
    seed=st.integers(0, 2**16),
    csi_set=st.sampled_from(["ellipsoid", "balls"]),
)
def test_branch_and_bound_proves_nothing_false(family, seed, csi_set):
    assert_sound(hard_case(family, seed, csi_set, 0.05, 1.0), seed, 100)


@settings(max_examples=20)
@given(
    family=st.sampled_from(FAMILIES),
    seed=st.integers(0, 2**16),
    csi_set=st.sampled_from(["ellipsoid", "balls"]),
    excess=st.sampled_from([-1e-6, -1e-9, 0.0, 1e-9, 0.9e-6, 1e-3]),
)
def test_qos_at_the_reachable_rate(family, seed, csi_set, excess):
    """R_u at what a beam reaches, or above it by less than the checker forgives: never proved out of reach."""
    case = hard_case(family, seed, csi_set, 0.05, 1.0)
    rng = np.random.default_rng(seed)
    reached = verified_rate(case, (1 << case.n_nodes) - 1, rng)
    case.floors = np.full(
        case.floors.size, np.sqrt(np.expm1(reached * (1 + excess) / BANDWIDTH_HZ * np.log(2.0)))
    )
    assert_sound(case, seed, 0)
    table = SetTable(case.broadcast())
    table.solve(np.array([(1 << case.n_nodes) - 1]), SETTINGS, 0)
    if excess < 1e-6 and reached > 0.0:
        assert table.status[-1] >= 0


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
def test_radius_at_the_norm_is_no_rate(csi_set):
    """One node whose error cancels the channel: the rate is exactly 0, for beams and bounds alike."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        channels = rng.standard_normal((2, 1, 3)) * 1e3 + 1j * rng.standard_normal((2, 1, 3))
        case = Case(
            channels,
            np.linalg.norm(channels, axis=2),
            np.array([1.1]),
            np.array([3]),
            3e7,
            np.zeros(2),
            csi_set,
        )
        table = case.table()
        assert table.status[1] == -1
        assert table.upper[1] == table.lower[1] == 0.0
        assert verified_rate(case, 1, rng) == 0.0


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize("signs", [(1, 1, -1), (1, -1, 1), (-1, 1, 1), (-1, -1, 1)])
def test_users_of_opposite_sign_at_some_node_get_the_known_optimum(signs, csi_set):
    """|a +- j b| for a nodes that both hear alike and b that they hear with opposite signs, without errors."""
    channels = np.ones((2, 3, 1), complex)
    channels[1, :, 0] = signs
    case = Case(channels, np.zeros((2, 3)), np.ones(3), np.ones(3, int), 0.3, np.zeros(2), csi_set)
    table = case.table(rounds=4)
    alike = signs.count(1)
    best = (alike**2 + (3 - alike) ** 2) / 0.3
    assert table.lower[-1] == pytest.approx(best, rel=1e-4)
    assert table.upper[-1] >= best * (1 - 1e-12)
