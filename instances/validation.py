"""Rules that the fields of an `Instance` obey; the first broken one is named with its index and value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import check_names, quote
from fgamcd_opt.io.times import is_finite

if TYPE_CHECKING:
    from fgamcd_opt.instances.instance import Instance

SCALE = (1e-100, 1e100)
"""Range of powers, noise and bandwidth, so that products of a few of them stay far from under- and overflow."""

SNR = (1e-30, 1e30)
"""Range of the SNR at full power over one channel that is not 0: its square and its root keep all their digits."""

_LARGEST_RADIUS = 1e20
"""Largest error radius in units of sigma / sqrt(P); a radius above the norm of the channel silences the node anyway."""


def convert(field: str, value: Any, dtype: DTypeLike, ndim: int) -> NDArray[Any]:
    """Return a read-only C-ordered copy of ``value`` as ``dtype`` with ``ndim`` axes.

    Raises
    ------
    InputError
        If the value is not of the same kind (a float where integers are expected), has another number of
        axes, or is not finite.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{field}: not a rectangular array ({error})") from error
    if array.dtype.kind not in "biufc" or not np.can_cast(array.dtype, dtype, casting="same_kind"):
        raise InputError(f"{field}: dtype is {array.dtype}; expected {np.dtype(dtype)}")
    if array.ndim != ndim:
        raise InputError(f"{field}: shape is {array.shape}; expected {ndim} axes")
    if array.dtype.kind == "u" and np.dtype(dtype).kind == "i":
        largest = int(np.iinfo(np.dtype(dtype)).max)
        require(field, array, array <= largest, f"exceeds the largest value, {largest}")
    array = np.array(array, dtype=dtype, order="C")
    require(field, array, np.isfinite(array), "is not finite")
    array.setflags(write=False)
    return array


def scalar(field: str, value: Any) -> float:
    """Return ``value`` as a positive finite float."""
    plain = value.item() if isinstance(value, np.integer | np.floating) else value
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise InputError(f"{field}: {quote(value)} is not a number")
    if not (is_finite(plain) and plain > 0):
        raise InputError(f"{field}: {quote(plain)} must be positive and finite")
    return float(plain)


def require(field: str, array: NDArray[Any], holds: NDArray[np.bool_], fault: str) -> None:
    """Raise `InputError` naming the first entry of ``array`` where ``holds`` is false."""
    if not holds.all():
        index = tuple(int(i) for i in np.argwhere(~holds)[0])
        raise InputError(f"{field}[{', '.join(map(str, index))}] = {array[index]} {fault}")


def require_shape(field: str, array: NDArray[Any] | tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise `InputError` unless ``array``, or the shape given in its place, is of exactly the expected shape."""
    shape = array if isinstance(array, tuple) else array.shape
    if shape != expected:
        raise InputError(f"{field}: shape is {shape}; expected {expected}")


def labels(field: str, value: Any, length: int) -> tuple[str, ...]:
    """Return ``length`` distinct non-empty names as a tuple."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise InputError(f"{field}: expected a list or tuple of non-empty strings")
    if len(value) != length:
        raise InputError(f"{field}: has {len(value)} names; expected {length}")
    check_names(field, value)
    if len(set(value)) != length:
        first: dict[str, int] = {}
        for i, name in enumerate(value):
            if first.setdefault(name, i) != i:
                raise InputError(f"{field}[{first[name]}] = {quote(name)} occurs twice")
    return tuple(value)


def require_scale(instance: Instance) -> None:
    """Raise `InputError` where numbers of an instance are so small or large that their products under- or overflow."""
    low, high = SCALE
    for field in ("bandwidth_hz", "noise_w"):
        value = getattr(instance, field)
        if not low <= value <= high:
            raise InputError(f"{field}: {value!r} lies outside {low:g} to {high:g}; choose another unit")
    power = instance.power_w
    require(
        "power_w",
        power,
        (power >= low) & (power <= high),
        f"lies outside {low:g} to {high:g}; choose another unit",
    )
    scale = np.sqrt(power / instance.noise_w)
    with np.errstate(over="ignore", under="ignore"):
        norm = np.linalg.norm(instance.channel * scale[:, None], axis=2)
        radius = instance.csi_radius * scale
    silent = ~instance.channel.any(axis=2)
    bad = ~(silent | ((norm >= SNR[0] ** 0.5) & (norm <= SNR[1] ** 0.5)))
    if bad.any():
        row, node = (int(i) for i in np.argwhere(bad)[0])
        ends = " to ".join(f"{(snr**0.5) / scale[node]:.3g}" for snr in SNR)
        largest = float(np.abs(instance.channel[row, node]).max())
        raise InputError(
            f"channel[{row}, {node}]: its largest entry is {largest:.3g}; with this power and noise the norm of a "
            f"channel must be 0 or lie within {ends} (an SNR of {SNR[0]:g} to {SNR[1]:g}); scale channels and "
            "sqrt(noise) together, or write 0 for what nobody hears"
        )
    require(
        "csi_radius",
        instance.csi_radius,
        radius <= _LARGEST_RADIUS,
        f"is more than {_LARGEST_RADIUS:g} times sqrt(noise / power); larger radii silence a node no further",
    )
