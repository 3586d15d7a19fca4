"""Arguments as the native half takes them; what is wrong with one is said here."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt


def whole(name: str, value: Any, least: int, most: int) -> int:
    """Check a whole number."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r}: a whole number is expected") from None
    if not least <= number <= most:
        raise ValueError(f"{name}={number}: it must be from {least} to {most}")
    return number


def finite(name: str, value: Any, above: float = -math.inf, least: float = -math.inf) -> float:
    """Check a finite number, greater than `above` and at least `least`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name}={value!r}: a number is expected") from None
    if not (math.isfinite(number) and number > above and number >= least):
        bound = f" above {above:g}" if above > -math.inf else f" of {least:g} or above" if least > -math.inf else ""
        raise ValueError(f"{name}={number}: it must be a finite number{bound}")
    return number


def pair(name: str, value: Any, least: int) -> tuple[int, int] | None:
    """Check two whole numbers, rows first, or None."""
    if value is None:
        return None
    try:
        rows, columns = value
    except (TypeError, ValueError):
        raise TypeError(f"{name}={value!r}: two whole numbers are expected, rows and columns") from None
    return whole(name, rows, least, 2**31), whole(name, columns, least, 2**31)


def names(value: str | list[str] | tuple[str, ...] | None) -> list[str] | None:
    """One name or several, or None for all."""
    return [value] if isinstance(value, str) else None if value is None else [str(name) for name in value]


def images(value: Any, channels: int) -> npt.NDArray[np.float32]:
    """Give `value` four axes: images, rows, columns, channels."""
    given = np.asarray(value)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"an array of real numbers is expected, not of {given.dtype}")
    # What is too large is told below.
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(given, dtype=np.float32)
    if array.ndim == 2:
        array = array[None, :, :, None]
    elif array.ndim == 3:
        array = array[None] if array.shape[2] == channels else array[..., None]
    if array.ndim != 4 or array.shape[3] != channels or 0 in array.shape:
        raise ValueError(
            f"an array of shape {given.shape} is no image of {channels} channels: the axes are rows and columns, before them the "
            "images if there are several, and last the channels, which may be left out if there is one"
        )
    if not np.isfinite(array).all():
        raise ValueError("the images hold values that are NaN or infinite, or become so in single precision")
    return array
