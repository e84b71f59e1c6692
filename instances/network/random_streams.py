"""Random numbers by purpose, stable across machines and releases.

Every purpose (and, where it says so, every user, node or PB) has its own stream, so that changing one
part of a recipe leaves the others as they were, and a longer draw begins with the shorter one. Only uniform
doubles are drawn: NumPy promises their stream, but not that of its other distributions.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of every instance's identity and never change."""

    RANKING = 0
    REQUESTS = 1
    NODE_POSITION = 2
    USER_POSITION = 3
    FADING = 4
    BACKHAUL = 5
    QOS = 6
    BLOCK_SIZES = 7


def stream(seed: int, purpose: Purpose, *index: int) -> np.random.Generator:
    """Generator of one purpose, and of one user, node or PB where ``index`` is given."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(purpose), *index)))


def complex_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Draw independent CN(0, 1) by Box and Muller's transform of uniform numbers."""
    uniform = generator.random((*shape, 2))
    normal: NDArray[np.complex128] = np.sqrt(-np.log1p(-uniform[..., 0])) * np.exp(
        2j * np.pi * uniform[..., 1]
    )
    return normal


def rounded(values: ArrayLike) -> NDArray[np.float64]:
    """Round to single precision, held in double, so that the last digit of a libm changes no digest."""
    return np.asarray(values, dtype=np.float64).astype(np.float32).astype(np.float64)


def rounded_complex(values: ArrayLike) -> NDArray[np.complex128]:
    """Round as `rounded` does, real and imaginary part alike."""
    return np.asarray(values, dtype=np.complex128).astype(np.complex64).astype(np.complex128)


def from_decibel(value_db: float) -> float:
    """Return the power ratio of a value in dB, to twelve significant digits (see `rounded`)."""
    return float(f"{10.0 ** (value_db / 10.0):.12g}")
