"""The command that comes with the wheel."""

import os
import shutil
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import pytest
from conftest import FIXTURES

import unet_lens


@pytest.fixture(scope="module")
def program():
    found = shutil.which("unet-lens", path=sysconfig.get_path("scripts"))
    assert found, "the wheel brought no command"
    return found


def run(*line, **options):
    return subprocess.run(line, capture_output=True, text=True, timeout=300, **options)


def test_it_is_the_program(program, tmp_path):
    assert run(program, "--version").stdout == f"unet-lens {unet_lens.__version__}\n"
    assert "Usage: unet-lens " in run(program, "--help").stdout
    line = [program, "--model", FIXTURES / "tiny.h5", "--layer", "down", "--count", "1", "--backend", "cpu"]
    done = run(*line, cwd=tmp_path)
    assert done.returncode == 0 and Path("out", "down.png") == Path(done.stdout.split()[-1])
    assert (tmp_path / "out" / "down.png").read_bytes().startswith(b"\x89PNG")


def test_its_exit_codes(program):
    done = run(program, "--layer", "nothing", "--backend", "cpu")
    assert done.returncode == 2 and "there is no layer nothing" in done.stderr
    done = run(program, "--nonsense")
    assert done.returncode == 2 and "--nonsense" in done.stderr
    done = run(program, "summary", "--model", "missing.h5")
    assert done.returncode == 1 and "missing.h5" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals are sent another way there")
def test_ctrl_c_ends_it(program, tmp_path):
    line = [program, "--layer", "uconv128", "--count", "1", "--steps", "1000000", "--backend", "cpu"]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # What it prints before the climb.
    assert process.stdout.readline().startswith("uconv128: 1 filter")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in said
    assert not list((tmp_path / "out").iterdir())
