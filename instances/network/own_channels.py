"""Channels of one's own: an array per node, user, antenna (and, if wanted, block) from .npy, .npz or .mat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.input_file import read_input
from fgamcd_opt.instances.network.array_file import read_array
from fgamcd_opt.io.errors import InputError

if TYPE_CHECKING:
    from fgamcd_opt.instances.recipes.recipe import Recipe

VARIABLE = "channel"
"""Name of the array in a file that holds several."""


def load_own_channels(recipe: Recipe, n_blocks: int) -> NDArray[np.complex128]:
    """Read the file ``recipe.channels``.

    Parameters
    ----------
    recipe
        Its nodes, users and antennas must be those of the file.
    n_blocks
        K, PBs of the repository, requested or not.

    Returns
    -------
    ndarray
        (N, U, N_t), the same for all PBs, or (N, U, K, N_t): amplitude ratios, sqrt(W/W).

    Raises
    ------
    InputError
        For a damaged file, another shape or dtype, or a value that is no amplitude ratio: not finite, or a node that
        a user receives more power from than it sends.
    """
    content, _ = read_input("channels", recipe.channels, recipe.channels_sha256)
    return _checked(recipe, n_blocks, read_array("channels", recipe.channels, content, VARIABLE))


def pair_channels(
    own: NDArray[np.complex128], pair_block: NDArray[np.int64], pair_user: NDArray[np.int64]
) -> tuple[NDArray[np.complex128], NDArray[np.int64]]:
    """Channels (H, N, N_t) and the row (P,) of every requested pair, from those of `load_own_channels`.

    Raises
    ------
    InputError
        If some channel of a pair is zero from every node: this user could not be served.
    """
    if own.ndim == 3:
        channel, rows = own.transpose(1, 0, 2), pair_user
    else:
        channel, rows = own[:, pair_user, pair_block].transpose(1, 0, 2), np.arange(len(pair_user))
    heard = np.abs(channel).max(axis=(1, 2)) > 0.0
    silent = np.flatnonzero(~heard[rows])
    if silent.size:
        user, block = int(pair_user[silent[0]]), int(pair_block[silent[0]])
        raise InputError(f"channels: user {user} has channels of zero from every node for block {block}")
    return np.ascontiguousarray(channel), rows


def _checked(recipe: Recipe, n_blocks: int, array: NDArray[Any]) -> NDArray[np.complex128]:
    what = f"channels: {recipe.channels}"
    if array.dtype.kind != "c":
        raise InputError(
            f"{what}: dtype is {array.dtype}; expected complex amplitude ratios, not power gains (real amplitudes "
            "are saved as complex numbers, too)"
        )
    array = _with_expected_shape(what, recipe, n_blocks, array)
    wrong = np.argwhere(~np.isfinite(array))
    if wrong.size:
        index = tuple(wrong[0].tolist())
        raise InputError(f"{what}: entry {index} is {array[index]}, which is not finite")
    with np.errstate(over="ignore"):
        gain = (array.real.astype(np.float64) ** 2 + array.imag.astype(np.float64) ** 2).sum(axis=-1)
    if gain.max() > 1.0:
        index = tuple(np.argwhere(gain > 1.0)[0].tolist())
        raise InputError(
            f"{what}: {index} (node, user, ...) receives {gain[index]:.3g} times the power that is sent; expected "
            "amplitude ratios in sqrt(W/W). Channels in units of the noise are multiplied by its amplitude first"
        )
    return array.astype(np.complex128)


def _with_expected_shape(what: str, recipe: Recipe, n_blocks: int, array: NDArray[Any]) -> NDArray[Any]:
    """The array with its antenna axis, which MATLAB drops if it has length one."""
    pairs = (recipe.nodes, recipe.users)
    once, per_block = (*pairs, recipe.antennas), (*pairs, n_blocks, recipe.antennas)
    if array.shape in (once, per_block):
        return array
    if recipe.antennas == 1 and (*array.shape, 1) in (once, per_block):
        return array[..., np.newaxis]
    message = f"{what}: shape is {array.shape}; expected (nodes, users, antennas) = {once}"
    message += f", or (nodes, users, blocks, antennas) = {per_block}"
    if array.ndim == 3 or (array.ndim == 4 and array.shape[2] == n_blocks):
        found = zip(("nodes", "users", "antennas"), (*array.shape[:2], array.shape[-1]), strict=True)
        remedy = " ".join(f"--set {name}={n}" for name, n in found if n != getattr(recipe, name))
        message += f"; if the order of the axes is right, add {remedy}"
    raise InputError(message)
