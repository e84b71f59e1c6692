"""The difference-of-convex iteration against the fast path, and what its beams must obey."""

from __future__ import annotations

import numpy as np
import pytest
from broadcast_toys import fast_path, random_broadcast, rate, with_floors

from fgamcd_opt.beamforming.broadcast import Broadcast
from fgamcd_opt.formulations.semidefinite.difference_of_convex import DcResult, DcSettings, solve_dc
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp, SdpStatus
from fgamcd_opt.io.errors import InputError


def iterate(broadcast: Broadcast, backend: str = "clarabel") -> DcResult:
    space = NodeSubspace.of(broadcast, range(broadcast.power_w.size))
    return solve_dc(space, RobustSdp(space.shape, backend))


@pytest.mark.parametrize("csi_set", ["ellipsoid", "balls"])
@pytest.mark.parametrize(("users", "qos_share"), [(1, 0.0), (2, 0.0), (2, 0.6)])
def test_agrees_with_the_fast_path_on_one_and_two_users(csi_set: str, users: int, qos_share: float) -> None:
    for seed in range(3):
        broadcast = random_broadcast(20 + seed, users, 3, csi_set=csi_set, qos_share=qos_share)
        result = iterate(broadcast)
        status, lower, _ = fast_path(broadcast)
        assert status == 1
        assert result.rank_one
        assert result.best is not None
        assert result.best.qos_met
        assert rate(result.best.snr) == pytest.approx(rate(lower), rel=2e-4)


@pytest.mark.parametrize("backend", ["clarabel", "scs"])
def test_ends_at_rank_one_where_the_relaxation_does_not(backend: str) -> None:
    """Many users, few antennas, a seed with a loose relaxation: the iteration has something to do."""
    broadcast = random_broadcast(1, 4, 2, antennas=2, radius=0.15)
    result = iterate(broadcast, backend)
    first = result.relaxation.principal
    assert first is not None
    assert result.best is not None
    assert result.relaxation.snr is not None
    assert first.rank_ratio > 1e-2
    assert result.rank_one
    assert result.iterations >= 1
    assert first.snr < result.best.snr <= result.relaxation.snr * (1.0 + 1e-4)
    _, lower, upper = fast_path(broadcast)
    assert rate(lower) >= rate(result.best.snr) * (1.0 - 5e-4)
    assert result.best.snr <= upper


def test_beam_keeps_the_power_budget_and_its_own_worst_case() -> None:
    broadcast = random_broadcast(24, 2, 3, antennas=4)
    best = iterate(broadcast).best
    assert best is not None
    assert (np.linalg.norm(best.beam, axis=1) <= 1.0).all()
    # sampled errors on the boundary of the set never go below the SNR of the closed form
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((2000, *broadcast.channels.shape, 2)) @ np.array([1.0, 1.0j])
    radii = np.sqrt(broadcast.radius2.T)[..., None]
    size = np.sqrt((np.abs(errors) ** 2).sum(axis=(2, 3), keepdims=True))
    received = np.einsum("sunt,nt->su", (broadcast.channels + radii * errors / size).conj(), best.beam)
    assert (np.abs(received) ** 2).min() >= best.snr


def test_infeasible_relaxation_ends_at_once() -> None:
    broadcast = with_floors(random_broadcast(25, 2, 2), np.array([1e3, 0.0]))
    result = iterate(broadcast)
    assert result.status is SdpStatus.INFEASIBLE
    assert result.best is None
    assert not result.rank_one
    assert result.iterations == 0


@pytest.mark.parametrize("change", [{"growth": 1.0}, {"penalty": 0.0}, {"max_iterations": 0}])
def test_bad_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match="growth > 1"):
        DcSettings(**change)  # type: ignore[arg-type]
