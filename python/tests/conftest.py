"""What the tests share."""

import os
from pathlib import Path

import pytest

import unet_lens

# Keras computes by JAX here: of what it can compute with, that is quickly installed. It is read when Keras is first imported.
os.environ.setdefault("KERAS_BACKEND", "jax")

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="session")
def built_in():
    return unet_lens.load(backend="cpu")


@pytest.fixture(scope="session")
def tiny():
    """One level deep, odd channel counts, images of 16x12."""
    return unet_lens.load(FIXTURES / "tiny.h5", backend="cpu")
