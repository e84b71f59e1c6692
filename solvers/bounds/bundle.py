"""Stabilised ascent of a concave function of non-negative multipliers: proximal bundle method.

The function is known through an oracle alone: at multipliers x it tells the value f(x) and a subgradient g, that is
f(z) <= f(x) + g . (z - x) for all z. These cuts make a model of f from above. Each proposal maximises the model
minus a penalty on the distance to the best point so far (the centre); a proposal that gains enough of what the
model promised becomes the centre. Nothing here proves anything: a bound is what the oracle's exact value says.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.solvers.bounds.proximal_step import proximal_step

Array = NDArray[np.float64]
Price = Callable[[Array], tuple[float, Array]]
"""Oracle: multipliers (N,) to value and subgradient (N,)."""

_SERIOUS = 0.1
"""A proposal that gains this share of what the model promised becomes the centre."""

_CUTS_PER_MULTIPLIER = 12
_PATIENCE = 3
"""Poor steps in a row before the cuts are trusted less."""

_ZERO = 1e-10
"""A multiplier below this share of the step is zero, but for rounding."""

_GROWTH = 1e9
"""The proximity never exceeds this multiple of its first value, so that an unbounded ascent stays finite."""


class Bundle:
    """Bundle of cuts with proximity control; ``propose`` and ``add`` alternate, the caller evaluates in between.

    Units do not matter: multiplying values or multipliers by a constant changes no step.

    Parameters
    ----------
    start
        (N,) first multipliers, >= 0.
    scale
        (N,) rough size of each multiplier, > 0; its order of magnitude is enough.
    tolerance
        Gain, relative to the best value, that counts as nothing.
    ceiling
        A value that f does not exceed unless it is unbounded.

    Attributes
    ----------
    multipliers, value
        Best point so far and its value; -infinite before the first :meth:`add`.
    possible_gain
        By the model, no point x <= 2 multipliers + scale has a value above ``value`` by more than this.
    """

    def __init__(
        self, start: Array, scale: Array, *, tolerance: float = 1e-6, ceiling: float = np.inf
    ) -> None:
        self.multipliers = np.array(start, float)
        self.value = -np.inf
        self.possible_gain = np.inf
        self._scale = np.array(scale, float)
        self._tolerance = tolerance
        self._ceiling = ceiling
        self._limit = _CUTS_PER_MULTIPLIER * (self._scale.size + 1)
        self._slopes = np.empty((0, self._scale.size))
        self._at_zero = np.empty(0)  # value of every cut at multipliers 0
        self._weights = np.empty(0)
        self._proximity = self._widest = np.nan
        self._promised = np.nan
        self._streak = 0

    @property
    def converged(self) -> bool:
        """Whether the model promises no gain above the tolerance."""
        return self.value > -np.inf and self.possible_gain <= self._tolerance * abs(self.value)

    @property
    def unbounded(self) -> bool:
        """Whether the value is above the ceiling."""
        return self.value > self._ceiling

    def propose(self) -> Array:
        """Multipliers (N,) at which to evaluate next; the start if nothing is known yet."""
        if not self._slopes.size or not self._slopes.any():
            self.possible_gain = 0.0 if self._slopes.size else np.inf
            return self.multipliers
        centre = self.multipliers / self._scale
        errors = np.maximum(self._at_zero + self._slopes @ centre - self.value, 0.0)
        step, self._weights = proximal_step(self._slopes, errors, centre, self._proximity)
        proposal = np.maximum(centre + step, 0.0)
        proposal[proposal <= _ZERO * np.abs(step).max()] = 0.0
        self._promised = float((errors + self._slopes @ (proposal - centre)).min())
        slope = self._weights @ self._slopes
        room = np.where(slope > 0.0, centre + 1.0, -centre)
        self.possible_gain = float(self._weights @ errors + slope @ room)
        return np.asarray(proposal * self._scale)

    def add(self, multipliers: Array, value: float, subgradient: Array) -> None:
        """Learn what the oracle says.

        Parameters
        ----------
        multipliers
            (N,) any point, usually the last proposal.
        value, subgradient
            f there and a subgradient (N,).
        """
        slope = np.asarray(subgradient, float) * self._scale
        if not np.isfinite(self.value):
            self._proximity = 1.0 / (float(np.linalg.norm(slope)) or 1.0)
            self._widest = _GROWTH * self._proximity
            self.multipliers, self.value = np.array(multipliers, float), float(value)
        else:
            self._control(multipliers, float(value), slope)
        if self._at_zero.size >= self._limit:
            self._forget()
        self._slopes = np.vstack([self._slopes, slope])
        self._at_zero = np.append(self._at_zero, value - subgradient @ multipliers)
        self._weights = np.append(self._weights, 1.0)

    def _control(self, multipliers: Array, value: float, slope: Array) -> None:
        """Move the centre if that pays; trust the model more after good steps, less after bad ones (Kiwiel)."""
        gained = value - self.value
        share = gained / self._promised if self._promised > 0.0 else 0.0
        fitted = 0.5 * self._proximity / max(1.0 - share, 1e-3)  # where a parabola along the step has its top
        if gained > 0.0 and share >= _SERIOUS:
            self._streak = max(self._streak, 0) + 1
            if share > 0.5 and self._streak > 1:
                self._proximity = min(fitted, 5.0 * self._proximity, self._widest)
        else:
            self._streak = min(self._streak, 0) - 1
            misfit = value + float(slope @ ((self.multipliers - multipliers) / self._scale)) - self.value
            if self._streak <= -_PATIENCE and misfit > self._promised:
                self._proximity = max(fitted, 0.2 * self._proximity)
                self._streak = 0
        if gained > 0.0:
            self.multipliers, self.value = np.array(multipliers, float), value

    def _forget(self) -> None:
        """Replace the tenth of the cuts that counted least in the last step by the cut that the step rests on."""
        kept = np.sort(np.argsort(-self._weights, kind="stable")[: self._limit - self._limit // 10 - 2])
        weights = self._weights / self._weights.sum()
        self._slopes = np.vstack([self._slopes[kept], weights @ self._slopes])
        self._at_zero = np.append(self._at_zero[kept], weights @ self._at_zero)
        self._weights = np.append(self._weights[kept], 1.0)


def ascend(price: Price, bundle: Bundle, *, steps: int, stop: Callable[[], bool]) -> int:
    """Evaluate proposals until the bundle has converged or is proved unbounded.

    Parameters
    ----------
    price
        Oracle.
    bundle
        Start, and result.
    steps
        Evaluations at most.
    stop
        Asked before every evaluation whether to end.

    Returns
    -------
    int
        Evaluations made.
    """
    for done in range(steps):
        if stop():
            return done
        proposal = bundle.propose()
        if bundle.converged or bundle.unbounded:
            return done
        bundle.add(proposal, *price(proposal))
    return steps
