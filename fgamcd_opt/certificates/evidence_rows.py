"""`EvidenceRow`: evidence for the rates of one block, and how rows are packed into the arrays of a certificate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEVELS = 32767
"""Largest value of the integers in which errors are stored."""

_SINGLE = (1e-37, 3e38)
"""Range in which single precision keeps its digits; multipliers are pulled into it, which at worst proves less."""


@dataclass(frozen=True, eq=False)
class EvidenceRow:
    """Evidence for one requested block (its row among them) and one node set; see `beamforming.rate_evidence`.

    Parameters
    ----------
    block, mask
        Row of the block among the requested ones; bit mask of S.
    mu, y
        (N,) multipliers, 0 outside S, and (m,) weights.
    mix
        (N, m, m) errors e_{n,u} = G_n mix[n, :, u] of the scaled channels.
    """

    block: int
    mask: int
    mu: NDArray[np.float64]
    y: NDArray[np.float64]
    mix: NDArray[np.complex128]

    def rounded(self) -> EvidenceRow:
        """The row as its file will hold it."""
        packed = pack_rows([self], self.mu.size)
        return next(unpack_rows(packed, [self.y.size]))


def pack_rows(rows: Sequence[EvidenceRow], n_nodes: int) -> dict[str, Any]:
    """The evidence arrays of a file."""
    scales, mixes = [], []
    for row in rows:
        inside = row.mix[_members(row.mask, n_nodes)]
        parts = np.stack([inside.real, inside.imag], axis=-1)  # (|S|, m, m, 2), users last but one
        scale = (np.abs(parts).max(axis=(0, 1, 3)) / _LEVELS).astype(np.float32)
        unit = np.where(scale > 0.0, scale, 1.0).astype(np.float64)
        scales.append(scale)
        whole = np.clip(np.rint(parts / unit[:, None]), -_LEVELS, _LEVELS)
        mixes.append(np.where(scale[:, None] > 0.0, whole, 0.0).astype(np.int16).reshape(-1, 2))
    return {
        "evidence_block": np.array([row.block for row in rows], np.int32),
        "evidence_mask": np.array([row.mask for row in rows], np.int32),
        "evidence_mu": np.array(
            [np.where(row.mu > 0.0, np.clip(row.mu, *_SINGLE), 0.0) for row in rows], np.float32
        ).reshape(len(rows), n_nodes),
        "evidence_y": np.maximum(_joined([row.y for row in rows]), _SINGLE[0]).astype(np.float32),
        "evidence_scale": _joined(scales).astype(np.float32),
        "evidence_mix": np.concatenate([np.zeros((0, 2), np.int16), *mixes]),
    }


def unpack_rows(arrays: dict[str, Any], users: Sequence[int]) -> Iterator[EvidenceRow]:
    """The rows of a file's arrays, given each row's number of users."""
    n_nodes = arrays["evidence_mu"].shape[1]
    user, entry = 0, 0
    for i, m in enumerate(users):
        mask = int(arrays["evidence_mask"][i])
        members = _members(mask, n_nodes)
        size = members.size * m * m
        whole = arrays["evidence_mix"][entry : entry + size].astype(np.float64)
        scale = arrays["evidence_scale"][user : user + m].astype(np.float64)
        mix = np.zeros((n_nodes, m, m), np.complex128)
        mix[members] = (whole[:, 0] + 1j * whole[:, 1]).reshape(-1, m, m) * scale
        yield EvidenceRow(
            int(arrays["evidence_block"][i]),
            mask,
            arrays["evidence_mu"][i].astype(np.float64),
            arrays["evidence_y"][user : user + m].astype(np.float64),
            mix,
        )
        user, entry = user + m, entry + size


def _members(mask: int, n_nodes: int) -> NDArray[np.int64]:
    return np.array([n for n in range(n_nodes) if (mask >> n) & 1], np.int64)


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    return np.concatenate([np.zeros(0), *parts])
