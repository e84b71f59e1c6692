"""Rates kept on disk between runs: one archive per set of channels and beamforming settings.

The key is made of everything the rates depend on (channels, radii, powers, QoS floors, error set, settings, kernels)
and of nothing else, so that instances that differ in storage or backhaul alone share their rates.

A file is input like any other, and nothing in it is taken at its word. It holds beams, whose rates are recomputed by
the checker's formula, and the evidence of every bound (F6), from which the bound is proved again; a file whose numbers
do not come out again is ignored as a whole.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt import core
from fgamcd_opt.beamforming.broadcast import SetTable
from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.io.archive import read_archive, write_archive
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.targets import make_folder
from fgamcd_opt.problem.transmissions import JOINT

log = logging.getLogger("fgamcd_opt")

KIND = "rates"

_LAYOUT = 2
"""Of the arrays; part of the key. Layout 1 had bounds without their evidence."""

_SAME = 1e-9
"""Relative difference up to which a number that is computed again is the one in the file."""

_SHARE_ROUNDING = 1e-12
"""By how much rounding may push a node's share of its power above 1; the beam is scaled by more than that."""

_MAX_BYTES = 1 << 28
"""Size of the arrays up to which a table is kept."""

_FIELDS: Mapping[str, type] = {
    "lower": np.float64,
    "x": np.complex128,
    "share": np.float64,
    "proved": np.float64,
    "y": np.float64,
    "mu": np.float64,
    "mix": np.complex128,
}
"""Arrays of a file, each the tables' rows one after the other. T tables, 2^N sets, m users of a table:
lower, proved: (2^N,) per table; x: (2^N, m); share: (2^N, N); and for the sets whose ``proved`` is finite
y: (m,), mu: (N,), mix: (|S|, m, m)."""


@dataclass(frozen=True, eq=False)
class _CachedTable:
    """The arrays of one table; y, mu, mix as they stand in the file."""

    lower: NDArray[np.float64]
    x: NDArray[np.complex128]
    share: NDArray[np.float64]
    proved: NDArray[np.float64]
    y: NDArray[np.float64]
    mu: NDArray[np.float64]
    mix: NDArray[np.complex128]


def load_rates(oracle: RateOracle, folder: Path) -> bool:
    """Fill an oracle from ``folder``; False if nothing fits there.

    A file that is damaged, or whose beams and bounds do not come out again, is ignored with a warning: the rates are
    then computed, and whoever keeps them replaces the file.
    """
    path = cache_path(oracle, folder)
    if not path.exists():
        return False
    judged: list[_CachedTable] = []
    try:
        parts = _parts(oracle, *read_archive(path, KIND))
        for row, (table, part) in enumerate(zip(oracle.tables, parts, strict=True)):
            try:
                judged.append(_judged(table, part))
            except InputError as error:
                raise InputError(f"transmission {row}: {error}") from error
    except InputError as error:
        text = str(error) if str(error).startswith(str(path)) else f"{path}: {error}"
        log.warning("%s; the file is ignored, and its rates are computed again", text)
        return False
    for row, (table, part) in enumerate(zip(oracle.tables, judged, strict=True)):
        table.restore(oracle.useful_masks(row), part.x, part.share, part.lower, part.proved)
    return True


def save_rates(oracle: RateOracle, folder: Path) -> None:
    """Write the rates of an oracle to ``folder``, replacing an older file of the same key.

    Nothing is written if some set is not solved yet, if some bound has no evidence (:meth:`RateOracle.keep_proofs` was
    called too late, or branch and bound proved it), or if the arrays are larger than a file of rates may be.
    """
    parts = [_packed(table, oracle.useful_masks(row)) for row, table in enumerate(oracle.tables)]
    if any(part is None for part in parts):
        log.info(
            "rates are not kept in %s: some are missing, or have bounds that a file could not prove", folder
        )
        return
    arrays = {
        name: np.concatenate([np.asarray(getattr(part, name), kind).ravel() for part in parts])
        for name, kind in _FIELDS.items()
    }
    size = sum(array.nbytes for array in arrays.values())
    if size > _MAX_BYTES:
        log.info("rates are not kept in %s: %d bytes are more than %d", folder, size, _MAX_BYTES)
        return
    make_folder(folder)
    write_archive(cache_path(oracle, folder), KIND, {"content": _content(arrays)}, arrays)


def keep_rates(oracle: RateOracle, folder: Path) -> None:
    """As :func:`save_rates`, but what cannot be written is said and not kept: rates are no reason to lose a result."""
    try:
        save_rates(oracle, folder)
    except InputError as error:
        log.warning("rates are not kept: %s", error)


@cache
def sources_digest() -> str:
    """SHA-256 (hex) of the modules of beamforming and of the compiled core: what computed a rate."""
    state = hashlib.sha256()
    for source in [*sorted(Path(__file__).parent.glob("*.py")), Path(core.__file__)]:
        state.update(source.read_bytes())
    return state.hexdigest()


def cache_path(oracle: RateOracle, folder: Path) -> Path:
    """File of the oracle's rates in ``folder``."""
    state = hashlib.sha256(json.dumps([_LAYOUT, sources_digest(), asdict(oracle.settings)]).encode())
    most = oracle.sent.max_senders
    if most is not None or (oracle.senders != JOINT).any():  # then not all sets are solved
        state.update(f"{most} {oracle.senders.tolist()}".encode())
    for table in oracle.tables:
        problem = table.broadcast
        state.update(f"{problem.channels.shape} {problem.error_set.name}".encode())
        for array in (problem.channels, problem.radius2, problem.floors):
            state.update(np.ascontiguousarray(array).tobytes())
    return folder / f"rates-{state.hexdigest()[:32]}.npz"


def _content(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of all arrays."""
    state = hashlib.sha256()
    for name in _FIELDS:
        state.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        state.update(arrays[name].tobytes())
    return state.hexdigest()


def _packed(table: SetTable, useful: NDArray[np.int64]) -> _CachedTable | None:
    """The arrays of one table, with the evidence that its bounds need; None if they need more than there is."""
    if not table.solved[useful].all():
        return None
    kept = table.proofs.by_mask if table.proofs is not None else {}
    needed = {mask: proof for mask, proof in sorted(kept.items()) if proof[0] <= table.upper[mask]}
    proved = np.full(table.upper.size, np.inf)
    for mask, proof in needed.items():
        proved[mask] = proof[0]
    again = SetTable(table.broadcast)
    again.restore(useful, table.x, table.share, table.lower, proved)
    if (again.upper > table.upper * (1.0 + _SAME)).any():
        return None
    evidence = list(needed.values())
    return _CachedTable(
        table.lower,
        table.x,
        table.share,
        proved,
        np.concatenate([np.zeros(0), *(proof[1] for proof in evidence)]),
        np.concatenate([np.zeros(0), *(proof[2] for proof in evidence)]),
        np.concatenate([np.zeros(0, np.complex128), *(proof[3].ravel() for proof in evidence)]),
    )


def _parts(oracle: RateOracle, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> list[_CachedTable]:
    """The arrays of a file by table, after their names, types and sizes were checked.

    Raises
    ------
    InputError
        Another content than :func:`save_rates` writes for this oracle.
    """
    if set(arrays) != set(_FIELDS):
        raise InputError(
            f"holds the arrays {', '.join(sorted(arrays))}; expected {', '.join(sorted(_FIELDS))}"
        )
    for name, kind in _FIELDS.items():
        if arrays[name].dtype != kind or arrays[name].ndim != 1:
            raise InputError(
                f"{name}: is {arrays[name].dtype} with {arrays[name].ndim} axes; expected {kind.__name__}"
            )
        if not np.isfinite(arrays[name]).all() and name != "proved":
            raise InputError(f"{name}: holds a number that is not finite")
    if header != {"content": _content(arrays)}:
        raise InputError("its content does not match its digest")
    rest, parts = dict(arrays), []

    def take(name: str, *shape: int) -> NDArray[Any]:
        size = int(np.prod(shape, dtype=np.int64))
        piece, rest[name] = rest[name][:size], rest[name][size:]
        if piece.size != size:
            raise InputError(f"{name}: has {arrays[name].size} entries, fewer than its tables need")
        return piece.reshape(shape)

    for table in oracle.tables:
        n_nodes, users = table.broadcast.radius2.shape
        sets = 1 << n_nodes
        flat = [take(name, sets) for name in ("lower", "proved")]
        masks = np.flatnonzero(np.isfinite(flat[1]))
        members = int(np.bitwise_count(masks).sum())
        parts.append(
            _CachedTable(
                lower=flat[0],
                x=take("x", sets, users),
                share=take("share", sets, n_nodes),
                proved=flat[1],
                y=take("y", masks.size, users),
                mu=take("mu", masks.size, n_nodes),
                mix=take("mix", members, users, users),
            )
        )
    for name, left in rest.items():
        if left.size:
            raise InputError(
                f"{name}: has {arrays[name].size} entries, {left.size} more than its tables need"
            )
    return parts


def _judged(table: SetTable, part: _CachedTable) -> _CachedTable:
    """The part with the rates of its beams recomputed and its bounds proved again.

    Raises
    ------
    InputError
        A beam or evidence that is none of its set, or a number that does not come out again.
    """
    problem = table.broadcast
    n_nodes, users = problem.radius2.shape
    inside = (np.arange(part.lower.size)[:, None] >> np.arange(n_nodes)) & 1 == 1
    if (part.share < 0.0).any() or (part.share > inside * (1.0 + _SHARE_ROUNDING)).any():
        raise InputError("share: a node's share of its power is below 0, above 1, or not 0 outside the set")
    if (part.lower < 0.0).any():
        raise InputError("lower: an SNR is negative")
    beams, silent = np.flatnonzero(part.lower), part.lower == 0.0
    if part.x[silent].any() or part.share[silent].any():
        raise InputError("lower: a set has a beam, but an SNR of 0")
    with np.errstate(all="ignore"):
        reached = problem.worst_snr(problem.beam(part.x[beams], part.share[beams]))
    _require_same("lower", beams, part.lower[beams], reached)
    masks = np.flatnonzero(np.isfinite(part.proved))
    if np.isnan(part.proved).any() or (part.proved[masks] < 0.0).any():
        raise InputError("proved: a bound is negative or not a number")
    heard = problem.gram.real.max(axis=(1, 2)) > 0.0
    if (part.mu[~inside[masks]] != 0.0).any() or (part.mu[inside[masks] & heard] <= 0.0).any():
        raise InputError("mu: a multiplier is not positive in its set, or not 0 outside")
    mix = np.zeros((masks.size, n_nodes, users, users), np.complex128)
    mix[inside[masks]] = part.mix
    bounds = problem.proved_snr(part.y, part.mu, mix)
    _require_same("proved", masks, part.proved[masks], bounds)
    lower, proved = part.lower.copy(), part.proved.copy()
    lower[beams] = np.minimum(lower[beams], reached)
    proved[masks] = np.maximum(proved[masks], bounds)
    return replace(part, lower=lower, proved=proved)


def _require_same(
    name: str, masks: NDArray[np.int64], told: NDArray[np.float64], found: NDArray[np.float64]
) -> None:
    """Raise `InputError` unless all numbers come out again."""
    wrong = ~(np.abs(told - found) <= _SAME * told)  # what comes out may be infinite, what is told is not
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        said = f"{float(told[first])!r} of node set {masks[first]} comes out as {float(found[first])!r}"
        raise InputError(f"{name}: {said}")
