"""A live Keras model as the bytes of its file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def is_model(value: Any) -> bool:
    """Tell whether `value` is a Keras model, of any version, without importing Keras."""
    classes = type(value).__mro__
    is_keras = any(kind.__name__ == "Model" and kind.__module__.split(".")[0] in ("keras", "tf_keras") for kind in classes)
    return is_keras and hasattr(value, "save")


def saved(model: Any) -> bytes:
    """Save `model` as Keras does, and read the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.keras")
        model.save(file)
        if not file.is_file():
            # Before 2.12 Keras knew no .keras: it made a folder of that name.
            file = Path(folder, "model.h5")
            model.save(file)
        return file.read_bytes()
