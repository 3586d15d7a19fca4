"""Whatever is wrong is an exception of a fitting type, which says what and which."""

import numpy as np
import pytest
from conftest import FIXTURES

import unet_lens

IMAGE = np.zeros((16, 12))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda n: n.climb("dwn", 0), ValueError, "did you mean down"),
        (lambda n: n.climb("down", 99), ValueError, "filter 99: down has"),
        (lambda n: n.climb("down", -1), ValueError, "filters=-1"),
        (lambda n: n.climb("down", "0"), TypeError, "a whole number"),
        (lambda n: n.climb("down", []), ValueError, "empty"),
        (lambda n: n.climb("down", 0, steps=0), ValueError, "steps=0"),
        (lambda n: n.climb("down", 0, steps=1.5), TypeError, "steps=1.5"),
        (lambda n: n.climb("down", 0, seed=-1), ValueError, "seed=-1"),
        (lambda n: n.climb("down", 0, optimizer="sgd"), ValueError, "one of ascent, adam"),
        (lambda n: n.climb("down", 0, init="noise"), ValueError, "phantom"),
        (lambda n: n.climb("down", [0, 1], init=np.zeros((3, 16, 12))), ValueError, "holds 3 pictures for 2 filters"),
        (lambda n: n.climb("down", 0, init=IMAGE, size=(32, 24)), ValueError, "16x12"),
        (lambda n: n.climb("down", 0, size=(17, 12)), ValueError, "17x12"),
        (lambda n: n.climb("down", 0, size=5), TypeError, "size=5"),
        (lambda n: n.climb("down", 0, neuron=(99, 0)), ValueError, "outside of the map"),
        (lambda n: n.climb("down", 0, noise=0), ValueError, "above 0"),
        (lambda n: n.climb("down", 0, tv=-1), ValueError, "0 or above"),
        (lambda n: n.climb("down", 0, rate=np.nan), ValueError, "rate=nan"),
        (lambda n: n.climb("down", 0, size=(200_000, 200_000)), MemoryError, "memory="),
        (lambda n: n.predict(np.zeros((15, 12))), ValueError, "15x12"),
        (lambda n: n.predict(np.zeros((1, 16, 12, 3))), ValueError, "(1, 16, 12, 3)"),
        (lambda n: n.predict(np.zeros((0, 16, 12))), ValueError, "(0, 16, 12)"),
        (lambda n: n.predict(np.full((16, 12), np.inf)), ValueError, "infinite"),
        (lambda n: n.predict(np.full((16, 12), 1e39)), ValueError, "single precision"),
        (lambda n: n.predict(IMAGE * 1j), TypeError, "complex"),
        (lambda n: n.predict([["a"]]), TypeError, "real numbers"),
        (lambda n: n.activations(IMAGE, "nowhere"), ValueError, "there is no layer nowhere"),
        (lambda n: n.gradient("down", 99, IMAGE), ValueError, "filter 99"),
        (lambda n: n.explain("down", 99), ValueError, "filter 99"),
        (lambda n: n.explain(x=np.zeros((2, 16, 12))), ValueError, "not 2"),
        (lambda n: n.findings("down", images=1), ValueError, "images=1"),
        (lambda n: n.findings("down", data="/nowhere.npy"), ValueError, "/nowhere.npy"),
        (lambda n: n.phantom(size=(17, 12)), ValueError, "17x12"),
    ],
)
def test_a_wrong_question(tiny, call, error, words):
    with pytest.raises(error) as raised:
        call(tiny)
    assert type(raised.value) is error
    assert words in str(raised.value)


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        unet_lens.load(tmp_path / "missing.h5")
    assert raised.value.filename == str(tmp_path / "missing.h5")
    with pytest.raises(IsADirectoryError):
        unet_lens.load(tmp_path)


def test_a_file_that_is_no_model(tmp_path):
    file = tmp_path / "no.h5"
    file.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"no\.h5"):
        unet_lens.load(str(file))
    file.write_bytes((FIXTURES / "tiny.h5").read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"no\.h5"):
        unet_lens.load(file)
    with pytest.raises(TypeError):
        unet_lens.load(7)


def test_too_little_memory():
    network = unet_lens.load(FIXTURES / "tiny.h5", backend="cpu", memory=1000)
    for call in (lambda: network.climb("down", 0), lambda: network.predict(IMAGE), lambda: network.explain()):
        with pytest.raises(MemoryError, match="1000 B"):
            call()


def test_arguments_of_load():
    with pytest.raises(ValueError, match="one of auto, cpu, gpu, reference"):
        unet_lens.load(backend="tpu")
    with pytest.raises(ValueError, match="threads=0"):
        unet_lens.load(threads=0)
    with pytest.raises(ValueError, match="no layer that can be told"):
        unet_lens.load(FIXTURES / "tiny.h5", lambdas={"down": "relu"})
    assert "1 thread" in unet_lens.load(FIXTURES / "tiny.h5", backend="cpu", threads=1).backend
