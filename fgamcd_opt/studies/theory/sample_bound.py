"""The structure of Theorem 1 of the paper: an upper bound on the error of fitted Q-iteration with synthetic samples.

    4 gamma^(J+1) R_max / (1-gamma)^2  +  2 phi gamma / (1-gamma)^2 * e(zeta, xi)

The first term is the algorithm's: J iterations. The second one amplifies the one-step error e. The paper gives the
structure (the share of the echo state network grows with zeta and xi, the sample term shrinks with zeta); the explicit
form is ours, and so are the constants marked as assumptions:

    e(zeta, xi) = e_F + sqrt( d V^2 / (n + P(xi) m)  +  (m / (n + m) * L xi)^2 ),    V = R_max / (1-gamma)

n = J K real samples; m = sum_j floor(zeta K chi^floor(j / Delta)) synthetic ones allowed by (22), of which the share
P(xi) = P(distance <= xi) is expected to be kept. The first part is the variance of a regression on n + P(xi) m targets
of size V; the second its squared bias: at most the share m / (n + m) of the targets is synthetic, and each of these is
off by at most L xi. A small xi keeps nothing, a large one admits bias: the minimiser lies between.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.io.files import read_text_file, reason_of
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.augmentation.sample_cap import sample_cap

Floats = NDArray[np.float64]

SOURCE_ZETA, SOURCE_XI = 0.8, 1.12
"""Where the paper reports the least bound."""

GIVEN, ASSUMED = "Fu et al.", "assumption"


def _constant(default: float, origin: str, low: float, high: float) -> float:
    value: float = field(default=default, metadata={"origin": origin, "low": low, "high": high})
    return value


@dataclass(frozen=True, kw_only=True)
class Constants:
    """All constants of the bound; the field's metadata says which are the paper's and which are assumed.

    Parameters
    ----------
    gamma
        Discount.
    episodes, steps
        J iterations (one per episode) and K steps of an episode.
    chi, augment_interval
        Factor by which the share of synthetic samples falls, and Delta episodes between two falls, as in (22).
    reward_max
        R_max, largest size of a reward: the penalties.
    concentrability
        phi, how much more often the evaluated policy may meet a state than the data do.
    complexity
        d of the variance: how many parameters the targets are spread over.
    lipschitz
        L, change of a target per unit of distance between predicted and real (reward, next state).
    approximation
        e_F, error that is left with infinitely many real samples.
    distance_rms
        Root mean square of the distance of a prediction, if it is Rayleigh distributed.

    Raises
    ------
    UsageError
        A value that is out of range; says which range is right.
    """

    gamma: float = _constant(0.95, GIVEN, 0.0, 0.999999)
    episodes: float = _constant(600, GIVEN, 1, 10**6)
    steps: float = _constant(450, GIVEN, 1, 10**7)
    chi: float = _constant(0.8, GIVEN, 0.0, 1.0)
    augment_interval: float = _constant(10, GIVEN, 1, 10**6)
    reward_max: float = _constant(10.0, GIVEN, 1e-9, 1e9)
    concentrability: float = _constant(1.0, ASSUMED, 1.0, 1e9)
    complexity: float = _constant(1.0, ASSUMED, 1e-9, 1e9)
    lipschitz: float = _constant(1.0, ASSUMED, 1e-9, 1e9)
    approximation: float = _constant(0.0, ASSUMED, 0.0, 1e9)
    distance_rms: float = _constant(1.0, ASSUMED, 1e-9, 1e9)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):
            value, low, high = getattr(self, spec.name), spec.metadata["low"], spec.metadata["high"]
            whole = isinstance(spec.default, float) or float(value).is_integer()
            if not (low <= value <= high and whole):
                kind = "a number" if isinstance(spec.default, float) else "a whole number"
                raise UsageError(
                    f"{spec.name}: {value:g} is out of range; expected {kind} from {low:g} to {high:g}"
                )


class LeastBound(NamedTuple):
    """Least bound of a grid, where it lies, and whether that is an edge of the grid."""

    bound: float
    zeta: float
    xi: float
    on_edge: bool

    def __repr__(self) -> str:
        return short_repr(self)


@dataclass(frozen=True, eq=False)
class ErrorBound:
    """The bound as a function of (zeta, xi).

    Parameters
    ----------
    constants
        What it is made of.
    distances
        Sorted distances of predictions as they were measured, in place of the Rayleigh distribution, or None.
    """

    constants: Constants
    distances: Floats | None = None

    __repr__ = short_repr

    @property
    def algorithmic(self) -> float:
        """4 gamma^(J+1) R_max / (1-gamma)^2."""
        c = self.constants
        return float(4.0 * c.gamma ** (c.episodes + 1) * c.reward_max / (1.0 - c.gamma) ** 2)

    @property
    def amplification(self) -> float:
        """2 phi gamma / (1-gamma)^2, what the one-step error is multiplied by."""
        c = self.constants
        return 2.0 * c.concentrability * c.gamma / (1.0 - c.gamma) ** 2

    @property
    def real(self) -> float:
        """n = J K."""
        return self.constants.episodes * self.constants.steps

    def synthetic(self, zeta: ArrayLike) -> Floats:
        """m, samples allowed by (22) over all episodes, for each zeta."""
        c = self.constants
        episodes, interval = int(c.episodes), int(c.augment_interval)
        starts = range(0, episodes, interval)

        def total(share: float) -> int:
            caps = (sample_cap(j, int(c.steps), zeta=share, chi=c.chi, interval=interval) for j in starts)
            return sum(cap * min(interval, episodes - j) for cap, j in zip(caps, starts, strict=True))

        shares = np.asarray(zeta, dtype=np.float64)
        return np.array([total(share) for share in shares.ravel().tolist()], float).reshape(shares.shape)

    def kept_share(self, xi: ArrayLike) -> Floats:
        """P(distance <= xi): measured, or 1 - exp(-(xi / rms)^2) of a Rayleigh distribution."""
        limit = np.asarray(xi, dtype=np.float64)
        if self.distances is not None:
            return np.searchsorted(self.distances, limit, side="right") / self.distances.size
        return -np.expm1(-np.square(limit / self.constants.distance_rms))

    def sample_term(self, zeta: ArrayLike, xi: ArrayLike) -> Floats:
        """sqrt(d V^2 / (n + P(xi) m)): falls with zeta and with xi."""
        c = self.constants
        value = c.reward_max / (1.0 - c.gamma)
        used = self.real + self.kept_share(xi) * self.synthetic(zeta)
        return np.asarray(value * np.sqrt(c.complexity / used))

    def model_term(self, zeta: ArrayLike, xi: ArrayLike) -> Floats:
        """m / (n + m) L xi, the share of the echo state network: grows with zeta and with xi."""
        synthetic = self.synthetic(zeta)
        return np.asarray(
            synthetic / (self.real + synthetic) * self.constants.lipschitz * np.asarray(xi, float)
        )

    def one_step(self, zeta: ArrayLike, xi: ArrayLike) -> Floats:
        """e(zeta, xi)."""
        return self.constants.approximation + np.hypot(self.sample_term(zeta, xi), self.model_term(zeta, xi))

    def total(self, zeta: ArrayLike, xi: ArrayLike) -> Floats:
        """The bound; arguments are broadcast against each other."""
        return self.algorithmic + self.amplification * self.one_step(zeta, xi)

    def minimum(self, zeta: Floats, xi: Floats) -> LeastBound:
        """The least value on the grid zeta x xi; the first one, by zeta and then xi, of equal values."""
        surface = self.total(zeta[:, None], xi[None, :])
        row, column = np.unravel_index(int(surface.argmin()), surface.shape)
        on_edge = row in (0, zeta.size - 1) or column in (0, xi.size - 1)
        return LeastBound(float(surface[row, column]), float(zeta[row]), float(xi[column]), bool(on_edge))

    def varied(self, name: str, factor: float) -> ErrorBound:
        """The bound with one constant multiplied by a factor."""
        changed = dataclasses.replace(self.constants, **{name: factor * getattr(self.constants, name)})
        return ErrorBound(changed, self.distances)


def read_distances(path: Path) -> Floats:
    """Sorted distances of predictions from a CSV file: its only column, with or without a heading.

    Raises
    ------
    InputError
        The file cannot be read, has several columns, holds no distance, or one that is no finite number of at least
        0; names the line.
    """
    try:
        lines = read_text_file(path).decode().splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read as a list of distances ({reason_of(error)})") from error
    values = []
    for number, line in enumerate(lines, 1):
        text, several, _ = line.strip().partition(",")
        if several:
            raise InputError(f"{path}: line {number}: has several columns; expected one distance per line")
        value = _number(text)
        if value is None and number == 1:
            continue
        if value is None or not 0.0 <= value < math.inf:
            raise InputError(
                f"{path}: line {number}: {quote(text)} is no distance; expected a number of at least 0"
            )
        values.append(value)
    if not values:
        raise InputError(f"{path}: holds no distance; expected one number per line")
    return np.sort(np.array(values))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
