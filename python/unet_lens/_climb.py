"""What became of the filters that were climbed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from unet_lens import _native


class Climb:
    """The pictures of some filters of a layer. In a notebook it shows itself as their figure.

    It unpacks: ``pictures, losses, verdicts = network.climb(...)``.

    Attributes
    ----------
    layer : str
        The layer's name.
    filters : list of int
        The filters, in the order of all that follows.
    pictures : ndarray of float32, shape (filters, rows, columns, channels)
        What came out. The picture of a filter whose verdict is ``"dead"`` is its seed, and no answer.
    losses : ndarray of float32, shape (filters, steps + 1)
        The goal before each step, and after the last; by default the mean of the filter's map.
    rms : ndarray of float32, shape (filters, steps)
        The root of the mean square of the goal's gradient, before each step.
    verdicts : list of str
        ``"ok"``; ``"dead"``: there was no gradient to climb; ``"fell at step N"``: the filter was turned off, or left below its start,
        from that step on; ``"not finite"``.
    shown : list of int
        The steps after which the pictures are: the last, or the best if that was asked for.
    rescued : list of (str or None)
        How a filter that was dead at first came to climb.
    """

    layer: str
    filters: list[int]
    pictures: npt.NDArray[np.float32]
    losses: npt.NDArray[np.float32]
    rms: npt.NDArray[np.float32]
    verdicts: list[str]
    shown: list[int]
    rescued: list[str | None]

    def __init__(self, climbs: _native.Climbs) -> None:
        self._climbs = climbs
        self.layer = climbs.layer
        self.filters = climbs.filters
        self.pictures = climbs.pictures
        self.losses = climbs.losses
        self.rms = climbs.rms
        self.verdicts = climbs.verdicts
        self.shown = climbs.shown
        self.rescued = climbs.rescued

    def __iter__(self) -> Iterator[Any]:
        return iter((self.pictures, self.losses, self.verdicts))

    def __repr__(self) -> str:
        steps = self.rms.shape[1]
        ok = sum(verdict == "ok" for verdict in self.verdicts)
        return f"<Climb of {len(self.filters)} filters of {self.layer}, {steps} steps: {ok} ok>"

    def _repr_png_(self) -> bytes:
        return self._climbs.png()
