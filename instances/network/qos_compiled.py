"""The ascent behind the QoS rates, compiled: for families, where an instance is generated for every episode.

The pinned one stays in NumPy alone, for ``fgamcd verify`` loads nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.network.qos import ITERATIONS, STEP, TINY
from fgamcd_opt.io.compiled import Array, kernel


@kernel
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
        for u in range(m):
            mixed[u] = weight[u] * phase[u]
            signal[u] = 0.0
        for n in range(n_nodes):
            norm2 = 0.0
            for u in range(m):
                part = 0.0j
                for v in range(m):
                    part += gram[n, u, v] * mixed[v]
                parts[u] = part
                norm2 += mixed[u].real * part.real + mixed[u].imag * part.imag
            scale = 1.0 / np.sqrt(max(norm2, TINY))
            for u in range(m):
                signal[u] += parts[u] * scale
        for u in range(m):
            magnitude = np.sqrt(signal[u].real ** 2 + signal[u].imag ** 2)  # numba's abs is slow
            amplitude[u] = max(0.0, magnitude - loss[u])
            phase[u] = signal[u] / max(magnitude, TINY)
        best = max(best, amplitude.min())
        mean = amplitude.mean()
        step = STEP / np.sqrt(1.0 + iteration) / max(mean, TINY)
        weight *= np.exp(-step * (amplitude - mean))
        weight /= weight.sum()
    return best


@kernel
def _ascend_all(gram: Array, phase: Array, loss: Array, best: Array) -> None:
    for b in range(phase.shape[0]):
        for s in range(phase.shape[1]):
            best[b, s] = _ascend(gram[b], phase[b, s], loss[b])


def compiled_weights(
    gram: NDArray[np.complex128], phase: NDArray[np.complex128], loss: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`fgamcd_opt.instances.network.qos.multiplicative_weights`, equal but for rounding; its parameters and result."""
    best = np.empty(phase.shape[:2])
    _ascend_all(np.ascontiguousarray(gram), np.ascontiguousarray(phase), loss, best)
    return best
