"""The conic solvers behind the semidefinite formulations: which can be used here, and up to which size.

A backend is chosen by name and never replaced by another one. MOSEK is asked to solve a tiny problem before it
counts as usable, because an installed MOSEK without a licence fails only then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fgamcd_opt.io.errors import BackendError, UsageError
from fgamcd_opt.io.licences import state
from fgamcd_opt.io.optional import Availability, Backend, probe
from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True)
class ConicBackend:
    """One conic solver.

    Parameters
    ----------
    cvxpy_name
        Its name in cvxpy, through which it is called.
    max_cone_entries
        Largest sum of n (n + 1) / 2 over the real n x n semidefinite cones that is accepted.
    options
        Options always passed.
    time_option
        Name of the option that limits the time, in s.
    """

    cvxpy_name: str
    max_cone_entries: int
    options: Mapping[str, Any] = field(default_factory=dict)
    time_option: str = ""

    __repr__ = short_repr

    def limited(self, time_s: float) -> dict[str, Any]:
        """Options of a solve that may take ``time_s`` at most."""
        if not math.isfinite(time_s):
            return dict(self.options)
        if self.cvxpy_name == "MOSEK":
            return {**self.options, "mosek_params": {self.time_option: time_s}}
        return {**self.options, self.time_option: time_s}


CONIC_BACKENDS: Mapping[str, ConicBackend] = {
    # interior point with one dense block per cone: 4 users at 6 nodes (6 276 entries) take 1.8 GB
    "clarabel": ConicBackend("CLARABEL", 8_000, time_option="time_limit"),
    # first order, one eigenvalue decomposition per cone and iteration: 8 users at 6 nodes (43 464 entries) take 15 s
    # and 0.4 GB, 12 users (139 212 entries) many minutes
    "scs": ConicBackend(
        "SCS", 45_000, {"eps_abs": 1e-6, "eps_rel": 1e-6, "max_iters": 20_000}, "time_limit_secs"
    ),
    # interior point; the limit is an estimate for want of a licence: 8 users at 6 nodes
    "mosek": ConicBackend("MOSEK", 45_000, time_option="MSK_DPAR_OPTIMIZER_MAX_TIME"),
}
"""Every backend by name; there is no default, callers choose."""


def available_backends() -> tuple[Backend, ...]:
    """State of every backend: installed version, whether it can be used, and the remedy if not."""
    return tuple(map(state, CONIC_BACKENDS))


def require_backend(name: str) -> Backend:
    """The state of a backend that can be used.

    Raises
    ------
    UsageError
        If there is no backend of this name.
    BackendError
        If it (or cvxpy) is not installed, or MOSEK has no licence; with the remedy.
    """
    if name not in CONIC_BACKENDS:
        raise UsageError(f"conic backend {name!r} is unknown; expected one of {', '.join(CONIC_BACKENDS)}")
    for backend in (probe("cvxpy"), state(name)):
        if backend.availability is not Availability.FULL:
            raise BackendError(f"conic backend {backend.name} cannot be used: {backend.remedy}")
    return backend


def check_size(name: str, cone_entries: int, what: str) -> None:
    """Refuse a problem that would not fit before it is built.

    Parameters
    ----------
    name
        Backend.
    cone_entries
        Sum of n (n + 1) / 2 over the real n x n semidefinite cones.
    what
        The problem in words, for the message.

    Raises
    ------
    BackendError
        Naming size, limit and remedy.
    """
    limit = CONIC_BACKENDS[name].max_cone_entries
    if cone_entries > limit:
        larger = [other for other, b in CONIC_BACKENDS.items() if b.max_cone_entries >= cone_entries]
        remedy = (
            f"use {' or '.join(larger)}, or fewer users or nodes" if larger else "use fewer users or nodes"
        )
        raise BackendError(
            f"{what}: {cone_entries} entries of semidefinite cones exceed the limit {limit} of {name}; {remedy}"
        )
