"""MATLAB files of format 7.3: its own process reads them (`fgamcd_opt.instances.network.hdf5_child`)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

from numpy.typing import NDArray

from fgamcd_opt.instances.network.hdf5_child import REFUSED
from fgamcd_opt.instances.network.matlab_variable import Choose, MatlabVariable
from fgamcd_opt.io.archive import parse_npy

_CHILD = "fgamcd_opt.instances.network.hdf5_child"
_START_S, _BYTES_PER_S = 60.0, 5e6
"""What starting and reading may take: more than ten times what they take on an idle machine."""


def read_hdf5(content: bytes, choose: Choose) -> NDArray[Any]:
    """Return the variable that ``choose`` picks, with the axes as MATLAB has them.

    Raises
    ------
    ValueError
        For a damaged file, the one that crashes the HDF5 library included, or an array that is too large.
    """
    variables = [MatlabVariable(name, of, tuple(shape)) for name, of, shape in json.loads(_answer(content))]
    chosen = choose(variables)
    chosen.require_size()
    return parse_npy(f"array {chosen.name!r}", _answer(content, chosen.name))


def _answer(content: bytes, *names: str) -> bytes:
    """Standard output of the process."""
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", _CHILD, *names],
            input=content,
            capture_output=True,
            check=False,
            timeout=_START_S + len(content) / _BYTES_PER_S,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"the HDF5 library did not end within {error.timeout:.0f} s") from error
    if ended.returncode == 0:
        return ended.stdout
    if ended.returncode == REFUSED:
        raise ValueError(ended.stderr.decode(errors="replace"))
    how = (
        f"by {signal.Signals(-ended.returncode).name}" if ended.returncode < 0 else f"with {ended.returncode}"
    )
    raise ValueError(f"the HDF5 library crashed {how}")
