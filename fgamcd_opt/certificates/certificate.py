"""`Certificate`: what proves a lower bound on the delay of P1, and its file. Checked in `certificate_check`.

The proof is Lagrangian (F5, F7): for storage multipliers lambda >= 0,

    T >= sum_k v_k - sum_n lambda_n Q_n,     v_k <= priced delay of every (C, S) of block k,

and the rates in the priced delays are bounded by evidence of F6. Evidence is kept small: weights and multipliers in
single precision, errors as 16-bit mixing matrices with one scale per user. Any numbers are valid evidence, coarse
ones only prove a little less.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.certificates.evidence_rows import EvidenceRow, pack_rows, unpack_rows
from fgamcd_opt.io.archive import read_archive, write_archive
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import check_name, quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.io.times import require_finite

KIND = "certificate"
_TEXTS = ("instance_digest", "instance_name", "made_by")
_ARRAYS: dict[str, tuple[type, int]] = {
    "multipliers": (np.float64, 1),
    "block_bound_s": (np.float64, 1),
    "evidence_block": (np.int32, 1),
    "evidence_mask": (np.int32, 1),
    "evidence_mu": (np.float32, 2),
    "evidence_y": (np.float32, 1),
    "evidence_scale": (np.float32, 1),
    "evidence_mix": (np.int16, 2),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Certificate:
    """A claimed lower bound and its proof, as stored. Nothing of it is believed before the check.

    Parameters
    ----------
    instance_digest, instance_name
        The instance.
    made_by
        Solver and version, for people.
    bound_s
        Claimed lower bound on T, in s.
    multipliers
        (N,) storage multipliers lambda_n, in s per byte.
    block_bound_s
        (R,) claimed least priced delay v_k of every requested block, in s.
    evidence_block, evidence_mask, evidence_mu
        (r,), (r,) and (r, N), ascending by block; see :class:`EvidenceRow`.
    evidence_y, evidence_scale
        The rows' (m,) weights and error scales, one after the other.
    evidence_mix
        (s, 2) real and imaginary parts of the rows' (|S|, m, m) mixing matrices in units of the users' scales.

    Raises
    ------
    InputError
        A field of the wrong type.
    """

    instance_digest: str
    instance_name: str
    made_by: str
    bound_s: float
    multipliers: NDArray[np.float64]
    block_bound_s: NDArray[np.float64]
    evidence_block: NDArray[np.int32]
    evidence_mask: NDArray[np.int32]
    evidence_mu: NDArray[np.float32]
    evidence_y: NDArray[np.float32]
    evidence_scale: NDArray[np.float32]
    evidence_mix: NDArray[np.int16]

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for name in _TEXTS:
            check_name(name, getattr(self, name))
        require_finite("bound_s", self.bound_s)
        for name, (dtype, axes) in _ARRAYS.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != axes:
                raise InputError(
                    f"{name}: is {array.dtype} with {array.ndim} axes; expected {dtype.__name__}, {axes}"
                )

    @classmethod
    def pack(
        cls, multipliers: NDArray[np.float64], rows: Sequence[EvidenceRow], **fields: Any
    ) -> Certificate:
        """Make a certificate from evidence rows, ascending by block, and the remaining fields."""
        return cls(multipliers=multipliers, **pack_rows(rows, multipliers.size), **fields)

    def evidence(self, users: Sequence[int]) -> list[EvidenceRow]:
        """The evidence rows.

        Parameters
        ----------
        users
            Number of users of every requested block.

        Raises
        ------
        InputError
            The arrays do not fit together or do not fit the blocks.
        """
        r, block = self.evidence_block.size, self.evidence_block
        if self.evidence_mask.size != r or self.evidence_mu.shape != (r, self.multipliers.size):
            raise InputError("evidence: the arrays differ in their number of rows or nodes")
        if r and (block[0] < 0 or block[-1] >= len(users) or (np.diff(block) < 0).any()):
            raise InputError("evidence_block: is not ascending within the requested blocks")
        if (self.evidence_mask < 1).any() or (self.evidence_mask >= 1 << self.multipliers.size).any():
            raise InputError("evidence_mask: holds a value that is no node set")
        counts = [users[k] for k in block.tolist()]
        nodes = [mask.bit_count() for mask in self.evidence_mask.tolist()]
        entries = sum(n * m * m for n, m in zip(nodes, counts, strict=True))
        found = self.evidence_y.size, self.evidence_scale.size, self.evidence_mix.shape
        if found != (sum(counts), sum(counts), (entries, 2)):
            raise InputError("evidence: its arrays do not have the sizes that blocks and node sets ask for")
        return list(unpack_rows({name: getattr(self, name) for name in _ARRAYS}, counts))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of everything in the file, so that a changed file is noticed."""
        state = hashlib.sha256(json.dumps(self._header(), sort_keys=True).encode())
        for name in _ARRAYS:
            array = getattr(self, name)
            state.update(f"{name} {array.shape} ".encode())
            state.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        return state.hexdigest()

    def _header(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*_TEXTS, "bound_s")}

    def save(self, path: Path | str) -> None:
        """Write the file, an archive of kind ``certificate``.

        Raises
        ------
        InputError
            If it cannot be written; nothing is left behind then.
        """
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        write_archive(path, KIND, self._header() | {"digest": self.digest}, arrays)

    @classmethod
    def load(cls, path: Path | str) -> Certificate:
        """Read a certificate strictly: known fields, stored types, matching digest.

        Raises
        ------
        InputError
            Naming the file and the fault.
        """
        header, arrays = read_archive(path, KIND, check=_check_header)
        claimed = header.pop("digest")
        fields: dict[str, Any] = header | arrays
        try:
            certificate = cls(**fields)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        if certificate.digest != claimed:
            raise InputError(
                f"{path}: the content has digest {certificate.digest}, but the file says {quote(claimed)}"
            )
        return certificate


def _check_header(header: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise `InputError` unless fields and shapes are those of a certificate, before any array is read."""
    expected = {*_TEXTS, "bound_s", "digest"}
    if set(header) != expected or set(shapes) != set(_ARRAYS):
        odd = sorted((set(header) ^ expected) | (set(shapes) ^ set(_ARRAYS)))[0]
        raise InputError(f"field {quote(odd)} is unknown or missing")
    for name, (_, axes) in _ARRAYS.items():
        if len(shapes[name]) != axes:
            raise InputError(f"{name}: has {len(shapes[name])} axes; expected {axes}")
    r, n_nodes = shapes["evidence_mu"][0], shapes["multipliers"][0]
    if shapes["evidence_mu"][1] != n_nodes or {shapes["evidence_block"], shapes["evidence_mask"]} != {(r,)}:
        raise InputError("evidence: the arrays differ in their number of rows or nodes")
