"""Conic backends: chosen by name, refused with the remedy, never replaced."""

from __future__ import annotations

import subprocess
import sys

import pytest
from broadcast_toys import random_broadcast

from fgamcd_opt.formulations.semidefinite import conic_backends
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace, SubspaceShape
from fgamcd_opt.formulations.semidefinite.rank_relaxation import solve_sdr
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp
from fgamcd_opt.formulations.semidefinite.sdp_program import SdpProgram
from fgamcd_opt.instances.error_sets import Ellipsoid
from fgamcd_opt.io import licences
from fgamcd_opt.io.errors import BackendError, ExitCode, UsageError
from fgamcd_opt.io.optional import Availability, Backend


def test_unknown_backend_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="clarabel, scs, mosek"):
        RobustSdp(NodeSubspace.of(random_broadcast(0, 1, 1), [0]).shape, "Clarabel")


@pytest.mark.parametrize("name", ["cvxpy", "scs"])
def test_missing_backend_names_the_remedy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def probe(distribution: str) -> Backend:
        if distribution == name:
            return Backend(name, None, Availability.MISSING, "pip install it")
        return Backend(distribution, "1", Availability.FULL, None)

    monkeypatch.setattr(conic_backends, "probe", probe)
    monkeypatch.setattr(conic_backends, "state", probe)
    with pytest.raises(BackendError, match=f"{name} cannot be used: pip install it") as caught:
        conic_backends.require_backend("scs")
    assert caught.value.exit_code is ExitCode.BACKEND_MISSING


def test_mosek_without_licence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "mosek_fault", lambda: "License has expired.")
    states = {backend.name: backend for backend in conic_backends.available_backends()}
    assert states["mosek"].availability is Availability.UNLICENSED
    assert states["clarabel"].availability is Availability.FULL
    with pytest.raises(
        BackendError, match=r"mosek cannot be used: License has expired\..*MOSEKLM_LICENSE_FILE"
    ):
        RobustSdp(NodeSubspace.of(random_broadcast(0, 1, 1), [0]).shape, "mosek")


def test_mosek_solves_or_says_why_not() -> None:
    """With a licence it agrees with Clarabel; without one the probe finds the fault."""
    space = NodeSubspace.of(random_broadcast(1, 2, 2), range(2))
    fault = licences.mosek_fault()
    if fault is None:
        first, second = (solve_sdr(space, RobustSdp(space.shape, name)).snr for name in ("mosek", "clarabel"))
        assert first == pytest.approx(second, rel=1e-5)
    else:
        assert "icense" in fault
        with pytest.raises(BackendError, match="icense"):
            RobustSdp(space.shape, "mosek")


def test_size_is_checked_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SdpProgram, "__init__", None)  # calling it would be a TypeError
    shape = SubspaceShape(sizes=(8,) * 6, robust=(True,) * 8, error_set=Ellipsoid())
    with pytest.raises(BackendError, match=r"8 users, 6 nodes.*43464 entries.*limit 8000 of clarabel.*scs"):
        RobustSdp(shape, "clarabel")
    huge = SubspaceShape(sizes=(20,) * 6, robust=(True,) * 30, error_set=Ellipsoid())
    with pytest.raises(BackendError, match="use fewer users or nodes"):
        RobustSdp(huge, "scs")


def test_formulations_import_no_conic_solver() -> None:
    code = (
        "import sys; import fgamcd_opt.formulations.semidefinite.difference_of_convex;"
        "print(*{'cvxpy', 'clarabel', 'scs', 'mosek'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
