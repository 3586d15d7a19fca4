"""The native half. Use `unet_lens`: it checks arguments first."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

__version__: str

def main(line: list[str]) -> int: ...

class Climbs:
    layer: str
    filters: list[int]
    pictures: Array
    losses: Array
    rms: Array
    verdicts: list[str]
    shown: list[int]
    rescued: list[str | None]
    def png(self) -> bytes: ...

class Network:
    name: str
    warnings: list[str]
    channels: int
    convolution_names: list[str]
    def __init__(
        self,
        path: str | None,
        data: bytes | None,
        name: str,
        lambdas: list[tuple[str, str]],
        backend: str,
        threads: int | None,
        memory: int | None,
    ) -> None: ...
    def describe(self) -> str: ...
    def summary(self) -> str: ...
    def svg(self) -> str: ...
    def layers(self) -> list[tuple[str, str, list[int | None] | None, int, int, list[str]]]: ...
    def predict(self, images: Array) -> Array: ...
    def gradient(self, layer: str, filter: int, images: Array) -> Array: ...
    def activations(self, images: Array, layers: list[str] | None) -> list[tuple[str, Array]]: ...
    def explain(self, layer: str | None, filter: int | None, images: Array | None, seed: int) -> str: ...
    def findings(self, layers: list[str] | None, data: str | None, images: int, seed: int) -> tuple[str, str]: ...
    def phantom(self, seed: int, size: tuple[int, int] | None) -> Array: ...
    def climb(self, layer: str, asked: dict[str, Any]) -> Climbs: ...
