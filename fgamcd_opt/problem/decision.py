"""`Decision`: a candidate point of P1, its caching, migration and beams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.validation import convert, require_shape
from fgamcd_opt.io.errors import InputError


@dataclass(frozen=True, eq=False)
class Decision:
    """Decision variables of P1 for N nodes, K blocks, T transmissions and N_t antennas; read-only arrays.

    In P1 itself there is one transmission per requested block, in the order of ``instance.requested_blocks``; other
    variants divide the delivery further (``P1.transmissions``), and whole-model caching counts a copy of each block
    per model (``P1.data``).

    Parameters
    ----------
    caching
        a_{n,k}, shape (N, K). Numbers that are not bool are rounded to the nearest of 0 and 1, and the
        largest distance is kept as ``integrality``: a solver's relaxed binaries are judged as rounded.
    migration
        b_{n,m,k}, block k goes from node n to node m, shape (N, N, K); as ``caching``.
    beams
        w_{n,k} in sqrt(W), shape (T, N, N_t), one row per transmission.

    Attributes
    ----------
    integrality
        Largest distance of a given binary from 0 or 1 (9c).

    Raises
    ------
    InputError
        Wrong number of axes, NaN or infinite values, shapes that contradict each other.
    """

    caching: NDArray[np.bool_]
    migration: NDArray[np.bool_]
    beams: NDArray[np.complex128]
    integrality: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        caching, from_caching = _binary("caching", self.caching, 2)
        migration, from_migration = _binary("migration", self.migration, 3)
        n_nodes, n_blocks = caching.shape
        require_shape("migration", migration, (n_nodes, n_nodes, n_blocks))
        beams = convert("beams", self.beams, np.complex128, 3)
        if beams.shape[1] != n_nodes:
            raise InputError(f"beams: shape is {beams.shape}; expected {n_nodes} nodes on the second axis")
        object.__setattr__(self, "caching", caching)
        object.__setattr__(self, "migration", migration)
        object.__setattr__(self, "beams", beams)
        object.__setattr__(self, "integrality", max(from_caching, from_migration))

    def __repr__(self) -> str:
        transmissions, nodes, antennas = self.beams.shape
        return (
            f"<Decision: {nodes} nodes, {self.caching.shape[1]} blocks; {int(self.caching.sum())} cached copies, "
            f"{int(self.migration.sum())} migrations, {transmissions} transmissions from up to {antennas} antennas>"
        )

    @property
    def participation(self) -> NDArray[np.bool_]:
        """lambda_{m,k}: node m holds block k, cached or migrated (3); shape (N, K)."""
        return np.asarray(self.caching | self.migration.any(axis=0))

    def require_fit(self, instance: Instance, n_transmissions: int) -> None:
        """Check the shapes against an instance and its number of transmissions.

        Raises
        ------
        InputError
            Naming the array, its shape and the shape that the instance needs.
        """
        require_shape("caching", self.caching, (instance.n_nodes, instance.n_blocks))
        expected = (n_transmissions, instance.n_nodes, instance.channel.shape[2])
        require_shape("beams", self.beams, expected)


def _binary(name: str, value: Any, ndim: int) -> tuple[NDArray[np.bool_], float]:
    """Read-only bool array nearest to ``value`` and the largest distance from it."""
    if np.asarray(value).dtype == np.bool_:
        return convert(name, value, np.bool_, ndim), 0.0
    relaxed = convert(name, value, np.float64, ndim)
    rounded = relaxed >= 0.5
    rounded.setflags(write=False)
    return rounded, float(np.abs(relaxed - rounded).max(initial=0.0))
