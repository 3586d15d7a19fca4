"""The climb: the command's numbers, its figure, Ctrl-C, and other threads meanwhile."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import FIXTURES


def command(folder, *line):
    line = [sys.executable, "-m", "unet_lens", *line, "--backend", "cpu", "-q", "--npy", "--out", str(folder)]
    subprocess.run(line, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("flags", "arguments"),
    [
        (["--filters", "2,0"], {"filters": [2, 0]}),
        (["--count", "2", "--seed", "3", "--steps", "5"], {"count": 2, "seed": 3, "steps": 5}),
        (
            "--filters 1 --optimizer adam --parameter fourier --objective square --jitter 2 --tv 1 --l2 0.1 --steps 6".split(),
            {
                "filters": 1,
                "optimizer": "adam",
                "parameter": "fourier",
                "objective": "square",
                "jitter": 2,
                "tv": 1,
                "l2": 0.1,
                "steps": 6,
            },
        ),
        (
            "--filters 0-2 --negative --neuron 3,2 --size 24x16 --rate 0.5 --noise 1 --keep-best --rescue 2".split(),
            {
                "filters": range(3),
                "negative": True,
                "neuron": (3, 2),
                "size": (24, 16),
                "rate": 0.5,
                "noise": 1,
                "keep_best": True,
                "rescue": 2,
            },
        ),
        (["--filters", "1", "--init", "phantom"], {"filters": 1, "init": "phantom"}),
    ],
)
def test_climbs_as_the_command_does(tiny, tmp_path, flags, arguments):
    command(tmp_path, "--model", str(FIXTURES / "tiny.h5"), "--layer", "up_conv", *flags)
    climb = tiny.climb("up_conv", **arguments)
    np.testing.assert_array_equal(climb.pictures[..., 0], np.load(tmp_path / "up_conv.npy"))
    assert climb._repr_png_() == (tmp_path / "up_conv.png").read_bytes()
    rows = [row.split(",") for row in (tmp_path / "up_conv.csv").read_text().splitlines()[1:]]
    assert climb.filters == [int(row[0]) for row in rows]
    np.testing.assert_array_equal(climb.losses[:, 0], np.float32([row[1] for row in rows]))
    np.testing.assert_array_equal(climb.rms, np.float32([row[4:] for row in rows]))
    assert all(row[3].startswith(verdict) for row, verdict in zip(rows, climb.verdicts))


def test_starts_where_it_is_told(tiny, tmp_path):
    start = np.random.default_rng(1).random((2, 16, 12), dtype=np.float32)
    np.save(tmp_path / "start.npy", start)
    command(tmp_path, "--model", str(FIXTURES / "tiny.h5"), "--layer", "up_conv", "--filters", "0,2", "--init", str(tmp_path / "start.npy"))
    pictures, losses, verdicts = tiny.climb("up_conv", [0, 2], init=start)
    np.testing.assert_array_equal(pictures[..., 0], np.load(tmp_path / "up_conv.npy"))
    expected = tiny.activations(start, "up_conv")["up_conv"].mean(axis=(1, 2))
    np.testing.assert_allclose(losses[:, 0], [expected[0, 0], expected[1, 2]], rtol=1e-5)
    assert losses.shape == (2, 21) and len(verdicts) == 2


def test_the_built_in_network_climbs_as_the_command_does(built_in, tmp_path):
    command(tmp_path, "--layer", "conv512", "--count", "4", "--steps", "3")
    climb = built_in.climb("conv512", count=4, steps=3)
    np.testing.assert_array_equal(climb.pictures[..., 0], np.load(tmp_path / "conv512.npy"))
    assert climb._repr_png_() == (tmp_path / "conv512.png").read_bytes()
    assert "dead" in climb.verdicts and "ok" in climb.verdicts


def test_ctrl_c_stops_at_the_next_step(built_in):
    pressed = []

    def press():
        time.sleep(1)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        built_in.climb("uconv128", 22, steps=1_000_000)
    waited = time.monotonic() - pressed[0]
    thread.join()
    assert waited < 20, f"it went on for {waited:.1f} s"
    # The next job knows nothing of it.
    assert built_in.climb("uconv128", 22, steps=1).verdicts == ["ok"]


def test_what_a_handler_raises_is_raised(built_in):
    class Enough(Exception):
        pass

    def enough(*_):
        raise Enough

    before = signal.signal(signal.SIGINT, enough)
    try:
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(Enough):
            built_in.climb("uconv128", 22, steps=1_000_000)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_run_meanwhile(built_in):
    counted, done = [], threading.Event()

    def count():
        while not done.is_set():
            counted.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    begin = time.monotonic()
    built_in.predict(np.zeros((10, 128, 128)))
    end = time.monotonic()
    done.set()
    thread.join()
    inside = [at for at in counted if begin < at < end]
    gaps = np.diff([begin, *inside, end])
    # With the GIL held there would be one gap, the whole.
    assert gaps.max() < 0.5 * (end - begin), f"stood still for {gaps.max():.3f} of {end - begin:.3f} s"
