"""`Solution`: a decision with what its solver says about it, and its file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fgamcd_opt.instances.validation import require_shape
from fgamcd_opt.io.archive import read_archive, write_archive
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import check_name, quote
from fgamcd_opt.io.short_repr import cut, short_text
from fgamcd_opt.io.times import Times, require_finite
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.variants import Variant

KIND = "solution"
_ARRAYS = {"caching": np.bool_, "migration": np.bool_, "beams": np.complex128}
_AXES = {"caching": 2, "migration": 3, "beams": 3}


@dataclass(frozen=True, eq=False, kw_only=True)
class Solution:
    """A decision and its claims. Claims are checked by `fgamcd_opt.problem.checker.verify`, not here.

    Parameters
    ----------
    decision
        Caching, migration and beams.
    instance_digest, instance_name
        The instance it was made for.
    variant
        The variant of P1 it was made for.
    solver, solver_version, options, seed
        What made it; options are plain JSON values.
    delay_s
        Claimed delay T in s.
    lower_bound_s, bound_kind
        Proved lower bound on T in s and the kind of its proof; both or neither.
    times
        Time that the solve took.

    Raises
    ------
    InputError
        A number that is not finite, a value of the wrong type, a bound without kind or a kind without bound.
    """

    decision: Decision
    instance_digest: str
    instance_name: str
    solver: str
    solver_version: str
    delay_s: float
    lower_bound_s: float | None = None
    bound_kind: str | None = None
    seed: int | None = None
    variant: Variant = field(default_factory=Variant)
    options: Mapping[str, Any] = field(default_factory=dict)
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        for name in ("instance_digest", "instance_name", "solver", "solver_version"):
            check_name(name, getattr(self, name))
        require_finite("delay_s", self.delay_s)
        if (self.lower_bound_s is None) != (self.bound_kind is None):
            raise InputError(
                f"lower_bound_s {quote(self.lower_bound_s)} and bound_kind {quote(self.bound_kind)}: give both"
            )
        if self.lower_bound_s is not None:
            require_finite("lower_bound_s", self.lower_bound_s)
            check_name("bound_kind", self.bound_kind)
        if self.seed is not None and type(self.seed) is not int:
            raise InputError(f"seed: {quote(self.seed)} is not a whole number")
        try:
            plain = json.loads(json.dumps(dict(self.options), allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"options: not plain finite JSON values ({error})") from error
        object.__setattr__(self, "options", plain)

    def __repr__(self) -> str:
        bound = "" if self.lower_bound_s is None else f", lower bound {self.lower_bound_s:.6g} s"
        return (
            f"<Solution of {short_text(self.instance_name)} ({cut(str(self.variant), 100)}) by "
            f"{short_text(self.solver)}: delay {self.delay_s:.6g} s{bound}, claimed; see verify>"
        )

    def _header(self) -> dict[str, Any]:
        header = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "decision"}
        return header | {"variant": self.variant.to_dict(), "times": dataclasses.asdict(self.times)}

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of everything in the file, so that a changed file is noticed."""
        return _digest(self._header(), self.decision)

    def save(self, path: Path | str) -> None:
        """Write the solution file, an archive of kind ``solution``.

        Raises
        ------
        InputError
            If the file cannot be written; nothing is left behind then.
        """
        arrays = {name: getattr(self.decision, name) for name in _ARRAYS}
        write_archive(path, KIND, self._header() | {"digest": self.digest}, arrays)

    @classmethod
    def load(cls, path: Path | str) -> Solution:
        """Read a solution file strictly: known fields, stored types, finite numbers, matching digest.

        Raises
        ------
        InputError
            Naming the file and the fault.
        """
        header, arrays = read_archive(path, KIND, check=_check_header)
        try:
            return _from_archive(header, arrays)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error


_OLD_TIMES = {"build_s", "rates_s", "search_s", "total_s"}


def _digest(header: Mapping[str, Any], decision: Decision) -> str:
    """SHA-256 (hex) of the header, without its digest, and of the arrays."""
    state = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in _ARRAYS:
        array = getattr(decision, name)
        state.update(f"{name} {array.shape} ".encode())
        state.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return state.hexdigest()


def _from_archive(header: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> Solution:
    for name, dtype in _ARRAYS.items():
        if arrays[name].dtype != dtype:
            raise InputError(f"{name}: dtype is {arrays[name].dtype}; expected {np.dtype(dtype)}")
        if dtype is np.bool_ and arrays[name].view(np.uint8).max(initial=0) > 1:
            raise InputError(f"{name}: holds a byte that is neither 0 nor 1")
    claimed = header.pop("digest")
    variant, times = _require_object("variant", header["variant"]), _require_object("times", header["times"])
    header |= {"variant": Variant.parse(variant), "times": _times(times)}
    _require_object("options", header["options"])
    solution = Solution(decision=Decision(**arrays), **header)
    # A release before knew fewer fields of a variant: its digest is over those.
    known = {name: text for name, text in solution.variant.to_dict().items() if name in variant}
    if variant != known:
        raise InputError(f"variant: {quote(variant)} is not how {quote(known)} is written")
    found = _digest(solution._header() | {"variant": known, "times": times}, solution.decision)
    if found != claimed:
        raise InputError(f"the content has digest {found}, but the file says {quote(claimed)}")
    return solution


def _times(stored: dict[str, Any]) -> Times:
    """The times of a file; a release before knew the total, and loading as a part of building."""
    if set(stored) != _OLD_TIMES:
        _require_names("times field", set(stored), {f.name for f in dataclasses.fields(Times)})
        return Times(**stored)
    for name, value in stored.items():
        require_finite(f"times: {name}", value)
    kept = {name: value for name, value in stored.items() if name != "total_s"}
    return Times(**kept, solve_s=stored["total_s"] - stored["build_s"])


def _check_header(header: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise `InputError` unless fields and shapes are those of a solution, before any array is read."""
    fields = {f.name for f in dataclasses.fields(Solution)} - {"decision"}
    _require_names("field", set(header), fields | {"digest"})
    _require_names("array", set(shapes), set(_ARRAYS))
    axes = {name: len(shape) for name, shape in shapes.items()}
    if axes != _AXES:
        raise InputError(f"the arrays have {axes} axes; expected {_AXES}")
    n_nodes, n_blocks = shapes["caching"]
    require_shape("migration", shapes["migration"], (n_nodes, n_nodes, n_blocks))
    require_shape("beams", shapes["beams"], (shapes["beams"][0], n_nodes, shapes["beams"][2]))


def _require_object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{name}: {quote(value)} is not an object")
    return value


def _require_names(what: str, found: set[str], expected: set[str]) -> None:
    if found != expected:
        odd = sorted(found ^ expected)[0]
        raise InputError(f"{what} {quote(odd)} is {'unknown' if odd in found else 'missing'}")
