"""The compiled core (C++, sources in core/ at the root of the repository).

Arrays are C-contiguous and of exactly the type and shape that is stated. A wrong element type is a ``TypeError``; a
wrong shape, a read-only output or a strided array a ``ValueError``; both name the argument. Functions release the
interpreter's lock.
"""

from numpy import bool_, complex128, float64, int64
from numpy.typing import NDArray

Reals = NDArray[float64]
Complexes = NDArray[complex128]
Integers = NDArray[int64]
Flags = NDArray[bool_]

# beamforming

ROUNDING: float
MARGIN: float
NOISE_SHARE: float

def lone_user(
    gram: Complexes, radius2: Reals, balls: bool, user: int, share: Reals
) -> tuple[float, float]: ...
