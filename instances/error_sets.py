"""The sets of channel errors (4): what each can do to a beam, said once per set. Numpy alone.

A user's error ``e`` has one part ``e_n`` per node, with a radius ``eps_n``. A set that is added here is read by the
compiled kernels through its ``code`` and needs an entry in the tables that name the sets; tests find a missing one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class ErrorSet(ABC):
    """One kind of error set; it holds no data, so two objects of a class are equal.

    Attributes
    ----------
    name
        The value of ``csi_set`` that chooses the set.
    code
        How the compiled kernels tell the sets apart.
    ball_axes
        Axes of errors (..., N, N_t) that one ball takes up: the set is a product of balls, stretched by the radii.
    """

    name: ClassVar[str]
    code: ClassVar[bool]
    ball_axes: ClassVar[tuple[int, ...]]

    @abstractmethod
    def loss(self, per_node: FloatArray) -> FloatArray:
        """Largest amplitude q that an error takes away (F1), shape (...).

        Parameters
        ----------
        per_node
            (..., N) products eps_n ||w_n||.
        """

    @abstractmethod
    def worst_direction(self, w: ComplexArray, radius: FloatArray) -> ComplexArray:
        """Admissible error e, shape (..., N, N_t), with e^H w = q; 0 where no error has an effect.

        Parameters
        ----------
        w
            (..., N, N_t) beams.
        radius
            (..., N) radii eps_n.
        """

    @abstractmethod
    def gauge(self, share: FloatArray) -> FloatArray:
        """By how much errors must be shortened to lie on the boundary, shape (..., N) or, if jointly, (..., 1).

        Parameters
        ----------
        share
            (..., N) lengths ||e_n|| / eps_n.
        """

    @abstractmethod
    def lone_cuts(
        self, radius: FloatArray, sending: NDArray[np.bool_], margin: float
    ) -> Iterator[FloatArray]:
        """What an admissible error takes of a channel's length, node by node, against a user served alone (F3).

        Parameters
        ----------
        radius
            (m, N) radii eps_n, in the scale in which every node sends with unit power.
        sending
            (s, N) whether a node belongs to the set of senders.
        margin
            Relative room for rounding errors, which is taken off.

        Yields
        ------
        ndarray
            (m,) or (s, m) cuts t_n of the next node n.
        """

    @abstractmethod
    def multiplier_rows(self, sizes: Sequence[int]) -> FloatArray:
        """(sum of sizes, p) which of the p multipliers of the S-procedure stands in which row (Lemma 1).

        Parameters
        ----------
        sizes
            Rows of every node.
        """


class Ellipsoid(ErrorSet):
    """One ellipsoid over all nodes, ``sum_n ||e_n||^2 / eps_n^2 <= 1``: the set of the paper (4)."""

    name = "ellipsoid"
    code = False
    ball_axes = (-2, -1)

    def loss(self, per_node: FloatArray) -> FloatArray:
        """``q = sqrt(sum_n eps_n^2 ||w_n||^2)``."""
        return np.asarray(np.linalg.norm(per_node, axis=-1))

    def worst_direction(self, w: ComplexArray, radius: FloatArray) -> ComplexArray:
        """``C^{-1} w / q``."""
        q = self.loss(radius * np.linalg.norm(w, axis=-1))
        return np.asarray(radius[..., None] ** 2 * w / _nonzero(q)[..., None, None])

    def gauge(self, share: FloatArray) -> FloatArray:
        """``sqrt(sum_n ||e_n||^2 / eps_n^2)``, for all nodes together."""
        return np.asarray(np.linalg.norm(share, axis=-1, keepdims=True))

    def lone_cuts(
        self, radius: FloatArray, sending: NDArray[np.bool_], margin: float
    ) -> Iterator[FloatArray]:
        """``t_n = eps_n^2 / q`` with ``q^2 = sum_{n in S} eps_n^2``."""
        q = np.sqrt(sending @ (radius**2).T) * (1.0 + margin)
        for own in radius.T:
            yield np.divide(own**2 * (1.0 - margin), q, out=np.zeros_like(q), where=q > 0.0)

    def multiplier_rows(self, sizes: Sequence[int]) -> FloatArray:
        """One multiplier for all rows."""
        return np.ones((sum(sizes), 1))


class Balls(ErrorSet):
    """Independent balls, ``||e_n|| <= eps_n`` for every node ``n``."""

    name = "balls"
    code = True
    ball_axes = (-1,)

    def loss(self, per_node: FloatArray) -> FloatArray:
        """``q = sum_n eps_n ||w_n||``."""
        return np.asarray(per_node.sum(axis=-1))

    def worst_direction(self, w: ComplexArray, radius: FloatArray) -> ComplexArray:
        """``eps_n w_n / ||w_n||`` at every node."""
        return np.asarray(radius[..., None] * w / _nonzero(np.linalg.norm(w, axis=-1))[..., None])

    def gauge(self, share: FloatArray) -> FloatArray:
        """``||e_n|| / eps_n``, node by node."""
        return share

    def lone_cuts(
        self, radius: FloatArray, sending: NDArray[np.bool_], margin: float
    ) -> Iterator[FloatArray]:
        """``t_n = eps_n``, whoever sends."""
        for own in radius.T:
            yield own * (1.0 - margin)

    def multiplier_rows(self, sizes: Sequence[int]) -> FloatArray:
        """One multiplier per node."""
        return np.repeat(np.eye(len(sizes)), sizes, axis=0)


ERROR_SETS: Mapping[str, ErrorSet] = {kind.name: kind for kind in (Ellipsoid(), Balls())}
"""All error sets by name; the first one is the default of recipes."""

CSI_SETS = tuple(ERROR_SETS)
"""Their names, the values of ``csi_set``."""


def error_set_named(name: str) -> ErrorSet:
    """The error set that a value of ``csi_set`` chooses.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in CSI_SETS:
        raise InputError(f"csi_set: {quote(name)} is unknown; expected one of {', '.join(CSI_SETS)}")
    return ERROR_SETS[name]


def _nonzero(x: FloatArray) -> FloatArray:
    """``x`` with zeros replaced by one, for divisions whose numerator is zero there."""
    return np.where(x > 0.0, x, 1.0)
