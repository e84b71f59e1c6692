"""Small dense linear algebra for the compiled kernels: factorisations of matrices of a few dozen rows.

Plain loops beat library calls at these sizes (2 to 40), need no BLAS threads, and give the same result
whatever the number of threads.
"""

from __future__ import annotations

import numpy as np

from fgamcd_opt.beamforming.kernels.kernel import Array, kernel


@kernel
def cholesky(matrix: Array, lower: Array) -> bool:
    """Cholesky factor of a Hermitian (or real symmetric) matrix; False if it is not positive definite."""
    size = matrix.shape[0]
    for j in range(size):
        pivot = matrix[j, j].real
        for k in range(j):
            pivot -= lower[j, k].real ** 2 + lower[j, k].imag ** 2
        if not pivot > 0.0:
            return False
        root = np.sqrt(pivot)
        lower[j, j] = root
        inverse = (
            1.0 / root
        )  # a division of a complex number costs more, and raises where a real one gives infinity
        for i in range(j + 1, size):
            value = matrix[i, j]
            for k in range(j):
                value -= lower[i, k] * np.conj(lower[j, k])
            lower[i, j] = value * inverse
    return True


@kernel
def solve_cholesky(lower: Array, rhs: Array) -> None:
    """Solve L L^H x = rhs in place."""
    size = lower.shape[0]
    for i in range(size):
        value = rhs[i]
        for k in range(i):
            value -= lower[i, k] * rhs[k]
        rhs[i] = value * (1.0 / lower[i, i].real)
    for i in range(size - 1, -1, -1):
        value = rhs[i]
        for k in range(i + 1, size):
            value -= np.conj(lower[k, i]) * rhs[k]
        rhs[i] = value * (1.0 / lower[i, i].real)


@kernel
def solve_cholesky_pair(lower: Array, first: Array, second: Array) -> None:
    """Solve L L^H x = rhs for two right-hand sides in place, in one pass over the factor."""
    size = lower.shape[0]
    for i in range(size):
        one, two = first[i], second[i]
        for k in range(i):
            one -= lower[i, k] * first[k]
            two -= lower[i, k] * second[k]
        inverse = 1.0 / lower[i, i].real
        first[i] = one * inverse
        second[i] = two * inverse
    for i in range(size - 1, -1, -1):
        one, two = first[i], second[i]
        for k in range(i + 1, size):
            entry = np.conj(lower[k, i])
            one -= entry * first[k]
            two -= entry * second[k]
        inverse = 1.0 / lower[i, i].real
        first[i] = one * inverse
        second[i] = two * inverse


@kernel
def invert_cholesky(lower: Array, inverse: Array) -> None:
    """Inverse of L L^H, exactly Hermitian, written to ``inverse``."""
    size = lower.shape[0]
    triangle = np.empty((size, size), lower.dtype)  # L^-1, its lower half
    for i in range(size):
        own = 1.0 / lower[i, i].real
        for j in range(i):
            value = lower[i, j] * triangle[j, j]
            for k in range(j + 1, i):
                value += lower[i, k] * triangle[k, j]
            triangle[i, j] = -own * value
        triangle[i, i] = own
    for u in range(size):
        for v in range(u + 1):
            value = np.conj(triangle[u, u]) * triangle[u, v]
            for k in range(u + 1, size):
                value += np.conj(triangle[k, u]) * triangle[k, v]
            inverse[u, v] = value
            inverse[v, u] = np.conj(value)
