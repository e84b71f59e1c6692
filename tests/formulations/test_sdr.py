"""The semidefinite relaxation against closed forms, an independent worst case, and the fast path."""

from __future__ import annotations

import numpy as np
import pytest
from broadcast_toys import fast_path, random_broadcast, rate, with_floors, with_radii

from fgamcd_opt.beamforming.broadcast import Broadcast
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.rank_relaxation import SdrResult, solve_sdr
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp, SdpStatus
from fgamcd_opt.formulations.semidefinite.sdp_program import SdpProgram
from fgamcd_opt.instances.error_sets import Ellipsoid, error_set_named
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.worst_case import single_user_amplitude

SETS = ["ellipsoid", "balls"]


def relax(
    broadcast: Broadcast, nodes: range, backend: str = "clarabel", full: bool = False
) -> tuple[NodeSubspace, SdrResult]:
    space = NodeSubspace.of(broadcast, nodes, full=full)
    return space, solve_sdr(space, RobustSdp(space.shape, backend))


def value(result: SdrResult) -> float:
    assert result.status in (SdpStatus.OPTIMAL, SdpStatus.INACCURATE)
    assert result.snr is not None
    return result.snr


def worst_received(space: NodeSubspace, covariance: np.ndarray, user: int, balls: bool) -> float:
    """min over the errors of (g + e)^H W (g + e), a convex problem, by projected gradient steps."""
    parts = np.repeat(np.arange(len(space.nodes)), space.shape.sizes)
    radii = space.radii[user][parts]
    quadratic = radii[:, None] * covariance * radii
    linear = radii * (covariance @ space.channels[user])
    z = np.zeros(radii.size, complex)
    previous, momentum = z, 1.0
    step = 1.0 / np.linalg.eigvalsh(quadratic)[-1]
    for _ in range(3000):
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        ahead = z + (momentum - 1.0) / following * (z - previous)
        previous, momentum = z, following
        z = ahead - step * (quadratic @ ahead + linear)
        square = np.abs(z) ** 2
        norms = np.sqrt(np.bincount(parts, square)[parts] if balls else np.full(z.size, square.sum()))
        z = z / np.maximum(1.0, norms)
    received = space.channels[user] + radii * z
    return float(np.vdot(received, covariance @ received).real)


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("backend", ["clarabel", "scs"])
def test_one_user_reaches_the_closed_form(csi_set: str, backend: str) -> None:
    broadcast = random_broadcast(3, 1, 3, csi_set=csi_set)
    _, result = relax(broadcast, range(3), backend)
    amplitude = single_user_amplitude(
        broadcast.channels[0], np.sqrt(broadcast.radius2[:, 0]), np.ones(3), error_set_named(csi_set)
    )
    assert value(result) == pytest.approx(float(amplitude) ** 2, rel=1e-5)
    assert result.principal is not None
    assert result.principal.snr == pytest.approx(float(amplitude) ** 2, rel=1e-5)
    assert result.principal.rank_ratio < 1e-5


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("seed", range(4))
def test_level_is_the_exact_worst_case_of_the_covariance(seed: int, csi_set: str) -> None:
    """The inequality is exact for W of any rank: W >= 0 makes the search for the worst error convex."""
    broadcast = random_broadcast(seed, 3, 2, csi_set=csi_set, radius=0.3)
    space, result = relax(broadcast, range(2), "scs")
    assert result.covariance is not None
    worst = min(worst_received(space, result.covariance, u, balls=csi_set == "balls") for u in range(3))
    assert worst == pytest.approx(value(result), rel=1e-4)


@pytest.mark.parametrize("csi_set", SETS)
@pytest.mark.parametrize("qos_share", [0.0, 0.6])
@pytest.mark.parametrize("seed", [0, 1])
def test_fast_beam_below_relaxation_below_fast_bound(seed: int, qos_share: float, csi_set: str) -> None:
    broadcast = random_broadcast(seed, 3, 2, csi_set=csi_set, qos_share=qos_share)
    _, result = relax(broadcast, range(2))
    status, lower, upper = fast_path(broadcast)
    assert status == 1
    assert lower <= value(result) * (1.0 + 1e-5)
    assert value(result) <= upper * (1.0 + 1e-5)
    if csi_set == "ellipsoid" and qos_share == 0.0:
        assert rate(upper) <= rate(value(result)) * (1.0 + 1e-3)


def test_floor_holds_one_user_above_the_common_level() -> None:
    """A binding floor: the relaxation serves it, and the common level falls to what the fast path finds."""
    free = random_broadcast(4, 2, 2)
    _, plain = relax(free, range(2))
    alone = single_user_amplitude(free.channels, np.sqrt(free.radius2.T), np.ones(2), Ellipsoid())
    strong = int(alone.argmax())
    floors = np.zeros(2)
    floors[strong] = 0.7 * alone[strong] + 0.3 * np.sqrt(value(plain))
    tight = with_floors(free, floors)
    _, result = relax(tight, range(2))
    status, lower, _ = fast_path(tight)
    assert status == 1
    assert value(result) < value(plain) * (1.0 - 1e-3)
    assert lower == pytest.approx(value(result), rel=1e-3)
    assert result.principal is not None
    assert result.principal.qos_met


def test_unreachable_floor_is_infeasible() -> None:
    broadcast = with_floors(random_broadcast(5, 2, 2), np.array([0.0, 1e3]))
    for backend in ("clarabel", "scs"):
        _, result = relax(broadcast, range(2), backend)
        assert result.status is SdpStatus.INFEASIBLE
        assert result.snr is None
    assert fast_path(broadcast)[0] == -1


@pytest.mark.parametrize("csi_set", SETS)
def test_full_space_gains_nothing(csi_set: str) -> None:
    broadcast = random_broadcast(6, 2, 2, antennas=4, csi_set=csi_set)
    reduced, small = relax(broadcast, range(2))
    full, large = relax(broadcast, range(2), full=True)
    assert sum(full.shape.sizes) > sum(reduced.shape.sizes)
    assert value(large) == pytest.approx(value(small), rel=1e-5)


def test_backends_agree() -> None:
    broadcast = random_broadcast(7, 3, 2)
    first, second = (value(relax(broadcast, range(2), name)[1]) for name in ("clarabel", "scs"))
    assert first == pytest.approx(second, rel=1e-4)


def test_program_takes_new_numbers_without_being_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    spaces = [NodeSubspace.of(random_broadcast(seed, 2, 3, antennas=1), range(3)) for seed in (8, 9)]
    expected = [value(solve_sdr(space, RobustSdp(space.shape, "clarabel"))) for space in spaces]
    program = RobustSdp(spaces[0].shape, "clarabel")
    monkeypatch.setattr(SdpProgram, "__init__", None)
    for space, snr in zip(spaces, expected, strict=True):
        assert value(solve_sdr(space, program)) == pytest.approx(snr, rel=1e-5)
    assert abs(expected[0] - expected[1]) > 1e-2 * expected[0]
    with pytest.raises(InputError, match="2 nodes"):
        program.load(NodeSubspace.of(random_broadcast(8, 2, 2), range(2)))


@pytest.mark.parametrize("csi_set", SETS)
def test_users_without_errors(csi_set: str) -> None:
    """No errors at all: one user gets (sum of norms)^2. One user or one node without errors: no special case."""
    broadcast = random_broadcast(10, 1, 3, csi_set=csi_set, radius=0.0)
    expected = np.linalg.norm(broadcast.channels[0], axis=1).sum() ** 2
    assert value(relax(broadcast, range(3))[1]) == pytest.approx(expected, rel=1e-5)
    mixed = with_radii(random_broadcast(10, 2, 2, csi_set=csi_set), np.array([[0.0, 0.0], [1.0, 0.0]]))
    status, lower, upper = fast_path(mixed)
    result = value(relax(mixed, range(2))[1])
    assert status == 1
    assert lower <= result * (1.0 + 1e-5)
    assert result <= upper * (1.0 + 1e-5)
    assert rate(lower) == pytest.approx(rate(result), rel=1e-3)


def test_subset_of_nodes_ignores_the_others() -> None:
    broadcast = random_broadcast(11, 2, 3)
    _, part = relax(broadcast, range(1, 3))
    _, whole = relax(broadcast, range(3))
    assert part.principal is not None
    assert value(part) < value(whole)
    assert not part.principal.beam[0].any()
    assert (np.linalg.norm(part.principal.beam, axis=1) <= 1.0).all()


@pytest.mark.parametrize("nodes", [[], [0, 0], [3], [-1]])
def test_bad_node_sets_are_refused(nodes: list[int]) -> None:
    with pytest.raises(InputError, match="distinct nodes"):
        NodeSubspace.of(random_broadcast(12, 1, 3), nodes)


def test_user_out_of_reach_is_refused() -> None:
    broadcast = random_broadcast(13, 2, 2)
    broadcast.channels[1] = 0.0
    with pytest.raises(InputError, match="user 1"):
        NodeSubspace.of(broadcast, [0, 1])
