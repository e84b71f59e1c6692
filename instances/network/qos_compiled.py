"""The ascent behind the QoS rates, compiled: for families, where an instance is generated for every episode.

The pinned one stays in NumPy alone, for ``fgamcd verify`` loads nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt import core
from fgamcd_opt.instances.network.qos import ITERATIONS, STEP, TINY


def compiled_weights(
    gram: NDArray[np.complex128], phase: NDArray[np.complex128], loss: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`fgamcd_opt.instances.network.qos.multiplicative_weights`, equal but for rounding; its parameters and result."""
    best = np.empty(phase.shape[:2])
    arrays = np.ascontiguousarray(gram), np.ascontiguousarray(phase), np.ascontiguousarray(loss)
    core.ascend_all(*arrays, ITERATIONS, STEP, TINY, best)
    return best
