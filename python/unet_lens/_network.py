"""A trained network: what it is, and what can be asked of it."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unet_lens import _arguments as arguments
from unet_lens import _keras, _native
from unet_lens._climb import Climb

Array = npt.NDArray[np.float32]

#: The largest seed.
_SEEDS = 2**64 - 1

#: The columns of the table of findings that hold text.
_TEXTS = frozenset(["layer", "verdict", "because", "second", "proven", "tuned_where", "routes"])


class Layer(NamedTuple):
    """A layer of a network."""

    name: str
    #: The class as Keras names it.
    type: str
    #: The lengths of its output without the images; None for one that depends on the image's size; None for all, if the layer cannot be
    #: computed.
    shape: tuple[int | None, ...] | None
    parameters: int
    #: 0, if it is no convolution.
    filters: int
    #: The names of the layers that it reads.
    inputs: tuple[str, ...]


def load(
    model: str | os.PathLike[str] | Any | None = None,
    *,
    lambdas: Mapping[str, str] | None = None,
    backend: str = "auto",
    threads: int | None = None,
    memory: int | None = None,
) -> Network:
    """Load a network.

    Parameters
    ----------
    model : path or keras.Model, optional
        A whole-model ``.h5`` or ``.keras`` file, or a live model, which is saved to a temporary file. By default the built-in network.
    lambdas : mapping of str to str, optional
        What Lambda layers compute, whose Python code is not run, by the layers' names: ``{"to_one": "scale:0.5"}``. The command's
        ``--help`` lists the meanings.
    backend : {"auto", "cpu", "gpu", "reference"}
        What computes. ``auto``: a hardware GPU if there is one, else the CPU; ``reference``: plain loops in double precision.
    threads : int, optional
        CPU threads; by default one for each core.
    memory : int, optional
        Bytes that a job may take; by default half of what is free when it begins.

    Returns
    -------
    Network

    Raises
    ------
    OSError
        If the file cannot be opened: ``FileNotFoundError``, ``PermissionError``, ``IsADirectoryError``.
    ValueError
        If it is no model that Keras saved whole, or damaged; if an argument is wrong.
    MemoryError
        If there is no memory for the weights.

    Examples
    --------
    >>> load()
    <Network model: 26 layers, 2,881,217 parameters>
    """
    path, data, name = None, None, ""
    if _keras.is_model(model):
        data, name = _keras.saved(model), f"the model {model.name}"
    elif model is not None:
        path = os.fspath(model)
        # What stands in the way of opening it Python says best.
        with open(path, "rb"):
            pass
    meanings = [(str(name), str(meaning)) for name, meaning in (lambdas or {}).items()]
    threads = None if threads is None else arguments.whole("threads", threads, 1, 1024)
    memory = None if memory is None else arguments.whole("memory", memory, 1, _SEEDS)
    return Network(_native.Network(path, data, name, meanings, backend, threads, memory))


class Network:
    """A trained network, made by `load`. In a notebook it shows itself as its drawing.

    Images go in as arrays ``[rows, columns]`` (of a network of one channel), ``[rows, columns, channels]``, or several with the images
    as the first axis. They come out with all four axes: images, rows, columns, channels.

    While it computes, other Python threads run; Ctrl-C in the main thread stops a climb, a prediction, a gradient or the findings at the
    next step.
    """

    def __init__(self, native: _native.Network) -> None:
        self._native = native
        for warning in native.warnings:
            warnings.warn(warning, stacklevel=3)

    def __repr__(self) -> str:
        layers = self.layers
        return f"<Network {self.name}: {len(layers)} layers, {sum(layer.parameters for layer in layers):,} parameters>"

    def _repr_html_(self) -> str:
        address = base64.b64encode(self._native.svg().encode()).decode()
        return (
            f'<div style="overflow-x:auto"><img alt="{html.escape(repr(self))}" style="min-width:900px" '
            f'src="data:image/svg+xml;base64,{address}"></div>'
        )

    @property
    def name(self) -> str:
        """The model's name."""
        return self._native.name

    @property
    def backend(self) -> str:
        """What computes: ``"cpu, AVX2, 2 threads"``."""
        return self._native.describe()

    @property
    def layers(self) -> list[Layer]:
        """All layers, in an order in which they can be computed."""
        rows = self._native.layers()
        return [
            Layer(name, kind, None if shape is None else tuple(shape), parameters, filters, tuple(inputs))
            for name, kind, shape, parameters, filters, inputs in rows
        ]

    @property
    def convolutions(self) -> list[str]:
        """The names of the layers that can be climbed."""
        return self._native.convolution_names

    def summary(self) -> str:
        """Give the table of layers, as Keras prints it."""
        return self._native.summary()

    def predict(self, x: npt.ArrayLike) -> Array:
        """Run images through the whole network, one at a time.

        Parameters
        ----------
        x : array_like
            One image or several, of a size that fits the network.

        Returns
        -------
        ndarray of float32, shape (images, rows, columns, channels)

        Raises
        ------
        ValueError
            If the images do not fit the network, or a layer is not supported.
        MemoryError
            If it takes more memory than it may.
        """
        return self._native.predict(self._images(x))

    def activations(self, x: npt.ArrayLike, layers: str | Iterable[str] | None = None) -> dict[str, Array]:
        """Give what layers make of images.

        Parameters
        ----------
        x : array_like
            One image or several.
        layers : str or iterable of str, optional
            The layers' names; by default all that lead to the output.

        Returns
        -------
        dict of str to ndarray of float32, shape (images, rows, columns, channels)
            By the layers' names.

        Raises
        ------
        ValueError, MemoryError
            As `predict`.
        """
        return dict(self._native.activations(self._images(x), arguments.names(layers)))

    def gradient(self, layer: str, filter: int, x: npt.ArrayLike) -> Array:
        """Give the gradient of a filter's mean activation with respect to each image.

        Parameters
        ----------
        layer : str
            A convolution.
        filter : int
            One of its filters.
        x : array_like
            One image or several.

        Returns
        -------
        ndarray of float32
            Of the shape of `x`.

        Raises
        ------
        ValueError, MemoryError
            As `predict`.
        """
        filter = arguments.whole("filter", filter, 0, 2**31)
        return self._native.gradient(layer, filter, self._images(x)).reshape(np.shape(x))

    def climb(
        self,
        layer: str,
        filters: int | Iterable[int] | None = None,
        steps: int = 20,
        seed: int = 0,
        init: npt.ArrayLike | str | None = None,
        *,
        count: int = 16,
        size: tuple[int, int] | None = None,
        rate: float | None = None,
        optimizer: str = "ascent",
        objective: str = "mean",
        negative: bool = False,
        neuron: tuple[int, int] | None = None,
        tv: float = 0.0,
        l2: float = 0.0,
        jitter: int = 0,
        parameter: str = "pixel",
        rescue: int | None = None,
        keep_best: bool = False,
        noise: float = 2.0,
    ) -> Climb:
        """Climb the gradient from noise to the picture that a filter answers to most.

        The same as the command ``unet-lens --layer LAYER``, to the bit; its ``--help`` says where each recipe comes from.

        Parameters
        ----------
        layer : str
            A convolution.
        filters : int or iterable of int, optional
            Its filters; by default `count` of them are drawn by `seed`, without repetition.
        steps : int
            Steps of the climb.
        seed : int
            Seed of the noise, of the draw and of the shifts of `jitter`.
        init : array_like or "phantom", optional
            Where to start instead of noise: a picture for all filters, or one for each; or the first undersampled phantom of `seed`.
        count : int
            How many filters are drawn (all, if there are fewer).
        size : (int, int), optional
            Rows and columns of the pictures; by default the network's own.
        rate : float, optional
            What the direction is multiplied by in each step; by default 1, with ``optimizer="adam"`` 0.05.
        optimizer : {"ascent", "adam"}
            From the gradient to the step: divided by its RMS, or Adam.
        objective : {"mean", "square"}
            What is climbed: the mean of the filter's map, or of its squares.
        negative : bool
            Climb down.
        neuron : (int, int), optional
            Row and column of the one place of the map that counts.
        tv, l2 : float
            Weights of the picture's total variation, and of the mean of its squares, which are subtracted.
        jitter : int
            Move the picture round by up to so many pixels before every step.
        parameter : {"pixel", "fourier"}
            What the picture is made of.
        rescue : int, optional
            Try a dead filter from so many other seeds, and before its ReLU; shorten the steps of one that falls.
        keep_best : bool
            Give the picture of the step after which the filter was most active, not the last.
        noise : float
            Upper end of the uniform noise.

        Returns
        -------
        Climb
            Pictures, losses, verdicts.

        Raises
        ------
        ValueError
            If there is no such layer or filter, or an argument is wrong.
        MemoryError
            If it takes more memory than it may.

        Examples
        --------
        >>> pictures, losses, verdicts = load().climb("uconv128", [22], steps=2)
        >>> pictures.shape, losses.shape, verdicts
        ((1, 128, 128, 1), (1, 3), ['ok'])
        """
        if isinstance(init, str) and init != "phantom":
            raise ValueError(f'init={init!r}: it is an array, or "phantom"')
        phantom = isinstance(init, str)
        asked = {
            "filters": None if filters is None else _filters(filters),
            "count": arguments.whole("count", count, 1, 2**31),
            "steps": arguments.whole("steps", steps, 1, 1_000_000),
            "seed": arguments.whole("seed", seed, 0, _SEEDS),
            "init": None if init is None or phantom else self._images(init),
            "phantom": phantom,
            "size": arguments.pair("size", size, 1),
            "rate": None if rate is None else arguments.finite("rate", rate),
            "optimizer": optimizer,
            "objective": objective,
            "negative": bool(negative),
            "neuron": arguments.pair("neuron", neuron, 0),
            "tv": arguments.finite("tv", tv, least=0.0),
            "l2": arguments.finite("l2", l2, least=0.0),
            "jitter": arguments.whole("jitter", jitter, 0, 4096),
            "parameter": parameter,
            "rescue": None if rescue is None else arguments.whole("rescue", rescue, 0, 10_000),
            "keep_best": bool(keep_best),
            "noise": arguments.finite("noise", noise, above=0.0),
        }
        return Climb(self._native.climb(layer, asked))

    def explain(
        self,
        layer: str | None = None,
        filter: int | None = None,
        x: npt.ArrayLike | None = None,
        *,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Tell what one forward and one backward pass do: every node, what is remembered, how gradients add up at the skips.

        Parameters
        ----------
        layer : str, optional
            A convolution; by default the one that ``unet-lens explain`` takes.
        filter : int, optional
            By default the first that answers on at least half of the image.
        x : array_like, optional
            The image; by default noise.
        seed : int
            Seed of the noise.

        Returns
        -------
        dict
            What ``unet-lens explain --json`` writes.

        Raises
        ------
        ValueError, MemoryError
            As `predict`.
        """
        filter = None if filter is None else arguments.whole("filter", filter, 0, 2**31)
        image = None if x is None else self._images(x)
        if image is not None and len(image) != 1:
            raise ValueError(f"one image is explained, not {len(image)}")
        return json.loads(self._native.explain(layer, filter, image, arguments.whole("seed", seed, 0, _SEEDS)))

    def findings(
        self,
        layers: str | Iterable[str] | None = None,
        *,
        data: str | os.PathLike[str] | None = None,
        images: int = 64,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Measure what each filter does. Of the whole built-in network this takes minutes.

        Parameters
        ----------
        layers : str or iterable of str, optional
            Convolutions; by default all.
        data : path, optional
            The network's own kind of images: an ``.npy``, or a folder of pictures; by default phantoms, for a network that restores.
        images : int
            How many of them are looked at.
        seed : int
            Seed of everything random.

        Returns
        -------
        dict
            ``"filters"``: for each filter a dict of its verdict and the numbers behind it, the columns of ``filters.csv``;
            ``"claims"``: the article's sentences put to the test, as in ``claims.json``.

        Raises
        ------
        ValueError, MemoryError
            As `predict`.
        """
        path = None if data is None else os.fspath(data)
        images, seed = arguments.whole("images", images, 2, 4096), arguments.whole("seed", seed, 0, _SEEDS)
        table, claims = self._native.findings(arguments.names(layers), path, images, seed)
        rows = csv.DictReader(io.StringIO(table))
        return {"filters": [{name: _cell(name, cell) for name, cell in row.items()} for row in rows], "claims": json.loads(claims)["claims"]}

    def phantom(self, seed: int = 0, size: tuple[int, int] | None = None) -> Array:
        """Draw a phantom, circles and rectangles, with three of four rows of its k-space left out: what the built-in network restores.

        Parameters
        ----------
        seed : int
            Seed of the phantom.
        size : (int, int), optional
            Rows and columns; by default the network's own.

        Returns
        -------
        ndarray of float32, shape (1, rows, columns, channels)

        Raises
        ------
        ValueError
            If the network takes no such pictures.
        """
        return self._native.phantom(arguments.whole("seed", seed, 0, _SEEDS), arguments.pair("size", size, 1))

    def _images(self, x: npt.ArrayLike) -> Array:
        return arguments.images(x, self._native.channels)


def _filters(filters: int | Iterable[int]) -> list[int]:
    """The filters, each once."""
    each = [filters] if not isinstance(filters, Iterable) else filters
    found = list(dict.fromkeys(arguments.whole("filters", filter, 0, 2**31) for filter in each))
    if not found:
        raise ValueError("filters is empty: name at least one")
    return found


def _cell(name: str, cell: str) -> Any:
    """A cell of the table as a value."""
    if name in _TEXTS:
        return cell or None
    return {"": None, "yes": True, "no": False}.get(cell) if cell in ("", "yes", "no") else float(cell)
