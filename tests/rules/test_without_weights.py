"""Files without a single weight of a model: what a trainer left that saved nothing of what it trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reporter.cli import main


def reported(path: Path, out: Path) -> dict[str, Any]:
    main(["report", str(path), "-o", str(out), "--settle", "0", "--no-pdf", "--no-cache", "-q"])
    record: dict[str, Any] = json.loads((out / "latest" / "report.json").read_bytes())
    return record


def counter_beside_no_layers(path: Path) -> None:
    """As Keras 2 stores a model that has no layers of its own, and the count of its optimizer."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([], "S1")
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.11.0"
        group = file.create_group("optimizer_weights")
        group.attrs["weight_names"] = np.array([b"Adam/iter:0"])
        group.create_dataset("Adam/iter:0", data=np.int64(7))


def counter_of_keras_3(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("optimizer/vars").create_dataset("0", data=np.int64(7))


@pytest.mark.parametrize(
    ("name", "make"), [("m.h5", counter_beside_no_layers), ("m.weights.h5", counter_of_keras_3)], ids=["h5", "weights"]
)
def test_a_file_of_only_a_step_counter_is_never_green(name: str, make: Any, tmp_path: Path) -> None:
    make(tmp_path / name)
    record = reported(tmp_path / name, tmp_path / "out")
    (found,) = record["findings"]
    assert (record["verdict"], found["rule"]) == ("WARN", "incomplete")
    assert "no weights of a model at all, only 1 other tensor" in found["message"]


def test_state_of_an_optimizer_without_its_model_fails(shared_data: Path, tmp_path: Path) -> None:
    """Keras 3 saved nothing of a model whose layers it did not find; its optimizer kept state of all six weights."""
    path = shared_data / "single" / "keras-history" / "output" / "bugged_model.keras"
    record = reported(path, tmp_path / "out")
    (found,) = record["findings"]
    assert (record["verdict"], found["rule"], found["severity"]) == ("FAIL", "incomplete", "FAIL")
    assert "no weights of the model at all, only the state of its optimizer (12 tensors)" in found["message"]
