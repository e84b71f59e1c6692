"""Rates kept on disk between runs: one archive per set of channels and beamforming settings.

The key is made of everything the rates depend on (channels, radii, powers, QoS floors, error set, settings, kernels)
and of nothing else, so that instances that differ in storage or backhaul alone share their rates.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fgamcd_opt.archive import read_archive, write_archive
from fgamcd_opt.beamforming.kernel import sources_digest
from fgamcd_opt.errors import InputError
from fgamcd_opt.rate_oracle import RateOracle
from fgamcd_opt.targets import make_folder
from fgamcd_opt.transmissions import JOINT

log = logging.getLogger("fgamcd_opt")

KIND = "rates"
_FIELDS = ("status", "lower", "upper", "solved", "x", "share")


def load_rates(oracle: RateOracle, folder: Path) -> bool:
    """Fill an oracle from ``folder``; False if nothing fits there.

    Raises
    ------
    InputError
        The file that has the right name is damaged; delete it.
    """
    path = cache_path(oracle, folder)
    if not path.exists():
        return False
    header, arrays = read_archive(path, KIND)
    if set(arrays) != set(_FIELDS) or header.get("content") != _content(arrays):
        raise InputError(f"{path}: the rates do not match their digest; delete the file")
    for name in _FIELDS:
        flat, first = arrays[name], 0
        for table in oracle.tables:
            target = getattr(table, name)
            target[...] = flat[first : first + target.size].reshape(target.shape)
            first += target.size
    return True


def save_rates(oracle: RateOracle, folder: Path) -> None:
    """Write the rates of an oracle to ``folder``, replacing an older file of the same key."""
    make_folder(folder)
    arrays = {
        name: np.concatenate([getattr(table, name).ravel() for table in oracle.tables]) for name in _FIELDS
    }
    write_archive(cache_path(oracle, folder), KIND, {"content": _content(arrays)}, arrays)


def keep_rates(oracle: RateOracle, folder: Path) -> None:
    """As :func:`save_rates`, but what cannot be written is said and not kept: rates are no reason to lose a result."""
    try:
        save_rates(oracle, folder)
    except InputError as error:
        log.warning("rates are not kept: %s", error)


def cache_path(oracle: RateOracle, folder: Path) -> Path:
    """File of the oracle's rates in ``folder``."""
    state = hashlib.sha256(json.dumps([sources_digest(), asdict(oracle.settings)]).encode())
    if (oracle.senders != JOINT).any():  # then not all sets are solved
        state.update(oracle.senders.tobytes())
    for table in oracle.tables:
        problem = table.broadcast
        state.update(f"{problem.channels.shape} {problem.balls}".encode())
        for array in (problem.channels, problem.radius2, problem.floors):
            state.update(np.ascontiguousarray(array).tobytes())
    return folder / f"rates-{state.hexdigest()[:32]}.npz"


def _content(arrays: dict[str, np.ndarray[Any, Any]]) -> str:
    """SHA-256 of all arrays: a bound read from disk is as good as the proof that was made before it."""
    state = hashlib.sha256()
    for name in _FIELDS:
        state.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        state.update(arrays[name].tobytes())
    return state.hexdigest()
