"""The ascent behind the QoS rates, compiled: for families, where an instance is generated for every episode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fgamcd_opt.instances.qos import ITERATIONS, STEP, TINY

Array = np.ndarray[Any, Any]


@njit(nogil=True, cache=True, error_model="numpy")
def _ascend(gram: Array, start: Array, loss: Array) -> float:
    """Best amplitude of one PB from one start."""
    n_nodes, m = gram.shape[0], gram.shape[1]
    phase = start.copy()
    weight = np.full(m, 1.0 / m)
    mixed = np.empty(m, np.complex128)
    parts = np.empty(m, np.complex128)
    signal = np.empty(m, np.complex128)
    amplitude = np.empty(m)
    best = 0.0
    for iteration in range(ITERATIONS if m > 1 else 1):  # a lone user's beam does not change
        mixed[:] = weight * phase
        signal[:] = 0.0
        for n in range(n_nodes):
            norm2 = 0.0
            for u in range(m):
                parts[u] = 0.0
                for v in range(m):
                    parts[u] += gram[n, u, v] * mixed[v]
                norm2 += (np.conj(mixed[u]) * parts[u]).real
            signal += parts / np.sqrt(max(norm2, TINY))
        for u in range(m):
            magnitude = abs(signal[u])
            amplitude[u] = max(0.0, magnitude - loss[u])
            phase[u] = signal[u] / max(magnitude, TINY)
        best = max(best, amplitude.min())
        mean = amplitude.mean()
        weight *= np.exp(-STEP / np.sqrt(1.0 + iteration) * (amplitude - mean) / max(mean, TINY))
        weight /= weight.sum()
    return best


@njit(nogil=True, cache=True, error_model="numpy")
def _ascend_all(gram: Array, phase: Array, loss: Array, best: Array) -> None:
    for b in range(phase.shape[0]):
        for s in range(phase.shape[1]):
            best[b, s] = _ascend(gram[b], phase[b, s], loss[b])


def compiled_weights(
    gram: NDArray[np.complex128], phase: NDArray[np.complex128], loss: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`fgamcd_opt.instances.qos.multiplicative_weights`, equal but for rounding; its parameters and result."""
    best = np.empty(phase.shape[:2])
    _ascend_all(np.ascontiguousarray(gram), np.ascontiguousarray(phase), loss, best)
    return best
