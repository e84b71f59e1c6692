"""The check of a certificate: its lower bound on T proved again from the instance, with numpy alone.

Nothing of the certificate is believed. Rate bounds come from its evidence by `evidence_check`, the least priced
delay of each block by `block_bound`, the Lagrangian sum is exact (rational). All rounding goes to the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.certificates.block_bound import PricedBlock, ProvedEvidence
from fgamcd_opt.certificates.certificate import Certificate
from fgamcd_opt.certificates.evidence_check import proved_multipliers
from fgamcd_opt.certificates.evidence_rows import EvidenceRow
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr

MAX_NODES = 16
"""Nodes up to which the caching sets of a block are gone through."""

_CHUNK = 128
"""Rows of evidence that are checked at once; limits memory."""


@dataclass(frozen=True)
class CertificateCheck:
    """Verdict on a certificate: what is wrong (empty if it holds), and the proved bound in s, None if it fails."""

    faults: tuple[str, ...]
    bound_s: float | None

    __repr__ = short_repr

    @property
    def valid(self) -> bool:
        """Whether the bound is proved."""
        return not self.faults


def check_certificate(instance: Instance, certificate: Certificate) -> CertificateCheck:
    """Prove the bound of a certificate again, or say why it does not hold.

    Parameters
    ----------
    instance, certificate
        What to compare.
    """
    if certificate.instance_digest != instance.digest:
        fault = (
            f"the certificate is for {certificate.instance_name} with digest {certificate.instance_digest}; "
            f"{instance.name} has digest {instance.digest}"
        )
        return CertificateCheck((fault,), None)
    try:
        _check(instance, certificate)
    except InputError as error:
        return CertificateCheck((str(error),), None)
    return CertificateCheck((), certificate.bound_s)


def _check(instance: Instance, certificate: Certificate) -> None:
    """Raise `InputError` with the first thing that does not hold."""
    multipliers, claimed = certificate.multipliers, certificate.block_bound_s
    require_nodes(instance)
    if multipliers.shape != (instance.n_nodes,) or not (np.isfinite(multipliers) & (multipliers >= 0)).all():
        raise InputError("multipliers: one finite number >= 0 is needed for every node")
    if claimed.shape != instance.requested_blocks.shape or not (np.isfinite(claimed) & (claimed >= 0)).all():
        raise InputError("block_bound_s: one finite number >= 0 is needed for every requested block")
    total = lagrangian_sum(instance, multipliers, claimed)
    if certificate.bound_s != total:
        raise InputError(
            f"bound_s: {certificate.bound_s!r} s is not what multipliers and block bounds add up to"
        )
    blocks = [PricedBlock(instance, int(k), multipliers) for k in instance.requested_blocks]
    rows = certificate.evidence([block.floors2.size for block in blocks])
    proved = proved_evidence(dict(enumerate(blocks)), rows)
    for number, (block, bound) in enumerate(zip(blocks, claimed.tolist(), strict=True)):
        evidence = proved.get(number, ProvedEvidence.none(block.n_nodes, block.floors2.size))
        found = block.least(evidence, bound)
        if found.value_s < bound:
            name = instance.block_names[instance.requested_blocks[number]]
            raise InputError(
                f"block_bound_s of {name}: {bound!r} s is claimed, {found.value_s!r} s is proved for caching set "
                f"{found.caching:b} and participating set {found.participating:b}"
            )


def require_nodes(instance: Instance) -> None:
    """Raise `InputError` if the instance has too many nodes for a certificate."""
    if instance.n_nodes > MAX_NODES:
        raise InputError(
            f"{instance.name}: has {instance.n_nodes} nodes; certificates go through all caching sets of a block, "
            f"which goes up to {MAX_NODES} nodes"
        )


def lagrangian_sum(
    instance: Instance, multipliers: NDArray[np.float64], block_bound_s: NDArray[np.float64]
) -> float:
    """sum_k v_k - sum_n lambda_n Q_n in s, computed exactly and rounded down."""
    exact = sum(map(Fraction, block_bound_s.tolist()), Fraction(0))
    for price, size in zip(multipliers.tolist(), instance.storage_bytes.tolist(), strict=True):
        exact -= Fraction(price) * size
    nearest = float(exact)
    return nearest if Fraction(nearest) <= exact else math.nextafter(nearest, -math.inf)


def proved_evidence(
    blocks: Mapping[int, PricedBlock], rows: Sequence[EvidenceRow]
) -> Mapping[int, ProvedEvidence]:
    """Checked evidence by block number; rows with the same number of users are checked together.

    Raises
    ------
    InputError
        A row that proves nothing.
    """
    mu = np.zeros((len(rows), rows[0].mu.size if rows else 0))
    by_size = sorted(range(len(rows)), key=lambda i: rows[i].y.size)
    for _, group in groupby(by_size, key=lambda i: rows[i].y.size):
        alike = list(group)
        for first in range(0, len(alike), _CHUNK):
            chunk = alike[first : first + _CHUNK]
            chosen = [rows[i] for i in chunk]
            for row in chosen:
                sending = (row.mask >> np.arange(row.mu.size)) & 1 == 1
                if not (sending == (row.mu > 0.0)).all():
                    raise InputError(
                        "evidence_mu: must be positive in the node set of its row and 0 elsewhere"
                    )
            mu[chunk] = proved_multipliers(
                np.stack([blocks[row.block].channels for row in chosen]),
                np.stack([blocks[row.block].radii for row in chosen]),
                blocks[chosen[0].block].error_set,
                np.stack([row.y for row in chosen]),
                np.stack([row.mu for row in chosen]),
                np.stack([row.mix for row in chosen]),
            )
    proved = {}
    for number, group in groupby(range(len(rows)), key=lambda i: rows[i].block):
        own = list(group)
        proved[number] = ProvedEvidence(
            np.array([rows[i].mask for i in own], np.int64), mu[own], np.stack([rows[i].y for i in own])
        )
    return proved
