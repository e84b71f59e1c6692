"""Fast path against the paper's own method, broadcast by broadcast: ``python benchmarks/beamforming.py --reference``.

Both work on the same channels in the same process. The fast path comes first and runs on one thread; it is timed
from the channels to beam and bound. The reference is timed without building
its program, so that only the solves count.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from fresh_broadcasts import broadcast_of, rate_bps

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, SetTable
from fgamcd_opt.formulations.semidefinite.conic_backends import available_backends
from fgamcd_opt.formulations.semidefinite.difference_of_convex import solve_dc
from fgamcd_opt.formulations.semidefinite.node_subspace import NodeSubspace
from fgamcd_opt.formulations.semidefinite.rank_relaxation import solve_sdr
from fgamcd_opt.formulations.semidefinite.robust_sdp import RobustSdp
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.io.optional import Availability

USERS = (1, 2, 3, 4, 6, 8, 12, 20, 30)
FAST_SEEDS = 10
REFERENCE_SEEDS = {
    "clarabel": {1: 3, 2: 3, 3: 3, 4: 1},
    "scs": {1: 3, 2: 3, 3: 3, 4: 3, 6: 2, 8: 1},
    "mosek": {1: 3, 2: 3, 3: 3, 4: 3, 6: 2, 8: 1},
}
"""Channels per backend and number of users: what fits into about ten minutes and 8 GiB on two cores."""
DC_BACKENDS = ("scs", "mosek")
"""Backends whose difference-of-convex beams are computed, too; Clarabel's iterations would take minutes."""


@dataclass(frozen=True)
class FastRun:
    """Fast path on one broadcast: rates in bit/s, time in s."""

    users: int
    seed: int
    rate_bps: float
    bound_bps: float
    time_s: float


@dataclass(frozen=True)
class ReferenceRun:
    """One backend on one broadcast; ``sdp_bps`` is a solver value, not a proved bound. Rates None without a point."""

    users: int
    seed: int
    backend: str
    status: str
    sdp_bps: float | None
    sdp_time_s: float
    dc_bps: float | None
    dc_time_s: float | None
    dc_programs: int | None


def run_reference(*, quick: bool, first_seed: int, settings: BeamformingSettings) -> dict[str, Any]:
    """All runs as plain JSON values.

    Parameters
    ----------
    quick
        Up to 3 users only, and a third of the channels.
    first_seed
        Of the channels; the others follow.
    settings
        Of the fast path.
    """
    recipe = Recipe()
    sizes = [users for users in USERS if users <= 3] if quick else list(USERS)
    seeds = [first_seed + offset for offset in range(FAST_SEEDS // 3 if quick else FAST_SEEDS)]
    fast = [fast_run(recipe, settings, users, seed) for users in sizes for seed in seeds]
    usable, refused = usable_backends()
    reference = [
        run
        for backend in usable
        for users in sizes
        for run in reference_runs(recipe, backend, users, seeds[: 1 if quick else None])
    ]
    return {
        "nodes": recipe.nodes,
        "antennas": recipe.antennas,
        "settings": asdict(settings),
        "first_seed": first_seed,
        "backends": usable,
        "refused": refused,
        "fast": [asdict(run) for run in fast],
        "reference": [asdict(run) for run in reference],
        "summary": [summary(users, fast, reference) for users in sizes],
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def usable_backends() -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Version of every backend that can run here, and the remedy of every other one."""
    states = available_backends()
    usable = {b.name: b.version for b in states if b.availability is Availability.FULL}
    return usable, {b.name: b.remedy for b in states if b.name not in usable}


def fast_run(recipe: Recipe, settings: BeamformingSettings, users: int, seed: int) -> FastRun:
    """Beam and certificate of the fast path."""
    problem = broadcast_of(recipe, users, seed)
    everyone = np.array([(1 << recipe.nodes) - 1])
    started = time.perf_counter()
    table = SetTable(problem)
    table.solve(everyone, settings, seed)
    elapsed = time.perf_counter() - started
    lower, upper = float(table.lower[-1]), float(table.upper[-1])
    return FastRun(users, seed, rate_bps(recipe, lower), rate_bps(recipe, upper), elapsed)


def reference_runs(recipe: Recipe, backend: str, users: int, seeds: Sequence[int]) -> list[ReferenceRun]:
    """Relaxation, and beams where they are wanted, of one backend on the first few channels."""
    wanted = seeds[: REFERENCE_SEEDS[backend].get(users, 0)]
    if not wanted:
        return []
    nodes = range(recipe.nodes)
    spaces = [NodeSubspace.of(broadcast_of(recipe, users, seed), nodes) for seed in wanted]
    try:
        program = RobustSdp(spaces[0].shape, backend)
    except BackendError as error:
        print(f"{backend}, {users} users: {error}", file=sys.stderr)
        return []
    print(f"{backend}, {users} users, {len(wanted)} channels ...", file=sys.stderr)
    runs = []
    for seed, space in zip(wanted, spaces, strict=True):
        dc = solve_dc(space, program) if backend in DC_BACKENDS else None
        sdr = dc.relaxation if dc else solve_sdr(space, program)
        beam = dc.best if dc else None
        runs.append(
            ReferenceRun(
                users=users,
                seed=seed,
                backend=backend,
                status=sdr.status,
                sdp_bps=None if sdr.snr is None else rate_bps(recipe, sdr.snr),
                sdp_time_s=sdr.time_s,
                dc_bps=None if beam is None else rate_bps(recipe, beam.snr),
                dc_time_s=dc.time_s if dc else None,
                dc_programs=dc.iterations if dc else None,
            )
        )
    return runs


def summary(users: int, fast: Sequence[FastRun], reference: Sequence[ReferenceRun]) -> dict[str, Any]:
    """Means over channels; differences are relative and taken channel by channel, the worst one kept."""
    mine = [run for run in fast if run.users == users]
    theirs = [run for run in reference if run.users == users]
    by_seed = {run.seed: run for run in mine}
    rate_difference = [(by_seed[r.seed].rate_bps - r.dc_bps) / r.dc_bps for r in theirs if r.dc_bps]
    bound_difference = [(by_seed[r.seed].bound_bps - r.sdp_bps) / r.sdp_bps for r in theirs if r.sdp_bps]
    times = {
        backend: statistics.median(r.sdp_time_s for r in theirs if r.backend == backend)
        for backend in dict.fromkeys(r.backend for r in theirs)
    }
    best = min(times, key=lambda name: times[name]) if times else None
    chosen = [r for r in theirs if r.backend == best]
    fast_time = statistics.median(run.time_s for run in mine)
    gaps = [1.0 - run.rate_bps / run.bound_bps for run in mine]
    with_beams = [r for r in theirs if r.dc_time_s is not None and r.dc_bps is not None]
    return {
        "users": users,
        "channels": len(mine),
        "fast_rate_bps": statistics.mean(run.rate_bps for run in mine),
        "fast_gap_mean": statistics.mean(gaps),
        "fast_gap_max": max(gaps),
        "fast_time_s": fast_time,
        "sdp_time_s": times,
        "sdp_backend": best,
        "sdp_channels": len(chosen),
        "sdp_bps": statistics.mean(r.sdp_bps for r in chosen if r.sdp_bps) if chosen else None,
        "dc_bps": statistics.mean(r.dc_bps for r in with_beams if r.dc_bps) if with_beams else None,
        "dc_time_s": statistics.median(r.dc_time_s for r in with_beams if r.dc_time_s)
        if with_beams
        else None,
        "time_ratio": times[best] / fast_time if best else None,
        "rate_difference_min": min(rate_difference, default=None),
        "bound_difference_max": max(bound_difference, default=None),
        "bound_difference_min": min(bound_difference, default=None),
    }


def reference_text(result: dict[str, Any]) -> str:
    """The summary as a table for people."""
    lines = [
        f"{result['nodes']} nodes x {result['antennas']} antennas, all nodes transmit, no QoS; "
        f"seeds from {result['first_seed']}; fast path {result['summary'][0]['channels']} channels per size",
        "backends: " + ", ".join(f"{name} {version}" for name, version in result["backends"].items()),
        *(f"not run: {name}: {remedy}" for name, remedy in result["refused"].items()),
        "",
        "       fast path (mean, mean, largest, median)  reference (median times; - = not run at this size)",
        "users  Gbit/s       gap   max gap        time  SDP by backend                  DC          "
        "SDP/fast  rate vs DC  bound vs SDP",
    ]
    lines += [_row_text(row) for row in result["summary"]]
    lines += [
        "",
        "rate vs DC: smallest over the channels of (fast - DC) / DC. bound vs SDP: largest of (bound - SDP) / SDP.",
        f"peak memory {result['peak_memory_bytes'] / 2**30:.2f} GiB",
    ]
    return "\n".join(lines)


def _row_text(row: dict[str, Any]) -> str:
    times = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in row["sdp_time_s"].items()) or "-"
    return (
        f"{row['users']:5d}  {row['fast_rate_bps'] / 1e9:6.3f}"
        f"  {row['fast_gap_mean']:8.4%}  {row['fast_gap_max']:8.4%}  {1e3 * row['fast_time_s']:7.2f} ms"
        f"  {times:30s}  {_number(row['dc_time_s'], '.3g', ' s'):10s}  {_number(row['time_ratio'], '.0f', 'x'):>8s}"
        f"  {_number(row['rate_difference_min'], '+.4%'):>10s}  {_number(row['bound_difference_max'], '+.4%'):>12s}"
    )


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"
