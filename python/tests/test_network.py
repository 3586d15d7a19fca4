"""What a network is, and what it computes, without Keras: against itself and against the command."""

import base64
import doctest
import inspect
import json
import subprocess
import sys
import xml.etree.ElementTree as xml

import numpy as np
import pytest
from conftest import FIXTURES

import unet_lens
from unet_lens import _climb, _network


def random(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def test_layers_are_those_of_the_table(tiny):
    table = tiny.summary()
    rows = [line for line in table.splitlines() if ") " in line and "(None, " in line]
    assert len(rows) == len(tiny.layers)
    for row, layer in zip(rows, tiny.layers):
        assert row.startswith(f"{layer.name} ({layer.type})")
        assert f"(None, {', '.join(map(str, layer.shape))})" in row
        assert f"  {layer.parameters:,}" in row
        assert row.endswith(", ".join(layer.inputs))
    total = sum(layer.parameters for layer in tiny.layers)
    assert f"Total params: {total:,}" in table
    assert tiny.convolutions == [layer.name for layer in tiny.layers if layer.filters]


def test_the_summary_is_the_commands(tiny):
    line = [sys.executable, "-m", "unet_lens", "summary", "--model", str(FIXTURES / "tiny.h5")]
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == tiny.summary()


def test_each_image_is_computed_alone(tiny):
    images = random(3, 16, 12, 1)
    together = tiny.predict(images)
    assert together.dtype == np.float32
    for image, output in zip(images, together):
        np.testing.assert_array_equal(tiny.predict(image)[0], output)
        np.testing.assert_array_equal(tiny.predict(image[..., 0])[0], output)
        np.testing.assert_array_equal(tiny.predict(image.astype(np.float64)[::-1][::-1])[0], output)
    np.testing.assert_array_equal(tiny.predict(images[..., 0]), together)


def test_the_last_activation_is_the_prediction(tiny):
    images = random(2, 16, 12, 1)
    activations = tiny.activations(images)
    last = tiny.layers[-1].name
    assert list(activations)[-1] == last
    np.testing.assert_allclose(activations[last], tiny.predict(images), rtol=1e-5, atol=1e-5)
    assert list(tiny.activations(images, "down")) == ["down"]


def test_a_gradient_has_the_images_shape(tiny):
    image = random(16, 12)
    gradient = tiny.gradient("down", 1, image)
    assert gradient.shape == (16, 12) and np.abs(gradient).max() > 0
    several = tiny.gradient("down", 1, np.stack([image, 2 * image]))
    np.testing.assert_array_equal(several[0], gradient)


def test_explains_what_the_command_explains(tiny, tmp_path):
    file = tmp_path / "e.json"
    line = [sys.executable, "-m", "unet_lens", "explain", "--model", str(FIXTURES / "tiny.h5")]
    subprocess.run([*line, "--backend", "cpu", "-q", "--json", str(file)], check=True, capture_output=True)
    told, theirs = tiny.explain(), json.loads(file.read_text())
    for plan in told["plan"]["steps"], theirs["plan"]["steps"]:
        # Measured, so never the same.
        for step in plan:
            step.pop("seconds")
    assert told == theirs
    image = random(16, 12)
    loss = tiny.explain("down", 1, image)["loss"]
    assert loss == pytest.approx(tiny.activations(image, "down")["down"][..., 1].mean(), rel=1e-5)


def test_findings_are_the_commands(tiny, tmp_path):
    found = tiny.findings("down", images=4)
    line = [sys.executable, "-m", "unet_lens", "findings", "--model", str(FIXTURES / "tiny.h5"), "--layer", "down"]
    line += ["--images", "4", "--backend", "cpu", "-q", "--out", str(tmp_path)]
    subprocess.run(line, check=True, capture_output=True)
    rows = (tmp_path / "filters.csv").read_text().splitlines()
    assert len(found["filters"]) == len(rows) - 1
    # The command's table also says of which network it is.
    assert [*found["filters"][0], "network"] == rows[0].split(",")
    for row, filter in zip(rows[1:], found["filters"]):
        assert row.startswith(f"{filter['layer']},{filter['filter']:.0f},{filter['verdict']},")
        assert isinstance(filter["on"], float) and isinstance(filter["dead_at_seed"], bool)
    claims = json.loads((tmp_path / "claims.json").read_text())["claims"]
    # Among the rows behind the numbers are measured times.
    assert [{**claim, "details": None} for claim in found["claims"]] == [{**claim, "details": None} for claim in claims]


def test_shows_itself_as_its_drawing(built_in):
    shown = built_in._repr_html_()
    picture = xml.fromstring(base64.b64decode(shown.split("base64,")[1].split('"')[0]))
    svg = "{http://www.w3.org/2000/svg}"
    assert picture.tag == svg + "svg"
    titles = [title.text for title in picture.iter(svg + "title")]
    assert len(titles) == len(built_in.layers) and titles[0].startswith(built_in.layers[0].name)
    assert repr(built_in) == "<Network model: 26 layers, 2,881,217 parameters>"


def test_a_phantom_is_what_the_network_restores(built_in):
    phantom = built_in.phantom()
    assert phantom.shape == (1, 128, 128, 1) and 0 <= phantom.min() and phantom.max() < 2
    assert not np.array_equal(phantom, built_in.phantom(1))


def test_the_examples_of_the_docstrings():
    for module in unet_lens, _network, _climb:
        failed, _ = doctest.testmod(module, extraglobs={"load": unet_lens.load})
        assert failed == 0, module


def test_says_how_it_is_called():
    for name in "predict", "climb", "gradient", "activations", "explain", "findings":
        method = getattr(unet_lens.Network, name)
        signature = inspect.signature(method)
        assert "Returns\n" in method.__doc__ and "Raises\n" in method.__doc__
        assert signature.return_annotation is not inspect.Signature.empty
        parameters = [p for p in signature.parameters.values() if p.name != "self"]
        assert all(p.annotation is not inspect.Parameter.empty for p in parameters)
        assert all(p.name in method.__doc__ for p in parameters)
