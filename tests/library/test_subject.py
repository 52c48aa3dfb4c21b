"""What can be measured from Python: each kind of subject has the names and numbers of the same values elsewhere."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import reporter
from reporter.gather import still_open
from reporter.library.subject import opened_path
from reporter.settings.model import Settings

ARRAYS = {
    "dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "dense/bias": np.ones(3),
    "scale": np.float64(2),
}


def test_a_mapping_is_what_its_npz_is(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", **ARRAYS)
    assert reporter.measure(ARRAYS) == reporter.measure(tmp_path / "m.npz")


def test_mappings_within_mappings() -> None:
    nested = {"dense": {"kernel": ARRAYS["dense/kernel"], "bias": ARRAYS["dense/bias"]}, "scale": ARRAYS["scale"]}
    assert reporter.measure(nested) == reporter.measure(ARRAYS)


def test_a_single_array_and_a_number() -> None:
    assert reporter.measure(np.arange(4))["array"].statistics["mean"] == 1.5
    assert reporter.measure(np.float32(3)).whole.statistics["max"] == 3
    assert reporter.measure(np.arange(8).reshape(2, 4).T[::2])["array"].shape == (2, 2)
    assert reporter.measure(np.arange(4, dtype=">f4")).whole.statistics["max"] == 3


def test_variables_and_tensors(tf: ModuleType, any_keras: ModuleType) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert reporter.measure(tf.Variable(values, name="w"))["w"].shape == (2, 3)
    assert reporter.measure(tf.constant(values)).whole.statistics["max"] == 5
    variable = any_keras.layers.Dense(2)
    variable.build((None, 3))
    assert reporter.measure(variable.kernel).whole.size == 6
    assert reporter.measure({"a/w": tf.Variable(values), "a/b": variable.kernel})["a/w"].layer == "a"
    assert reporter.measure(tf.cast(values, tf.bfloat16)).whole.statistics["max"] == 5


def test_a_layer_is_as_in_its_model(any_keras: ModuleType) -> None:
    k = any_keras
    inner = k.layers.Bidirectional(k.layers.LSTM(3, name="lstm"), name="both")
    tokens = k.Input((5, 2))
    model = k.Model(tokens, k.layers.Dense(1, name="out")(inner(tokens)))
    of_model, alone = reporter.measure(model), reporter.measure(inner)
    assert list(alone) == [name for name in of_model if name.startswith("both/")]
    assert alone.layers == (of_model.layer("both"),)


def test_a_layer_without_variables_says_so(any_keras: ModuleType) -> None:
    with pytest.raises(reporter.SettingError, match="the Keras layer has no variables yet; build it"):
        reporter.measure(any_keras.layers.Dense(2))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({}, "empty"),
        ({1: np.ones(2)}, "texts as names"),
        ({"a": {2: np.ones(2)}}, "texts as names"),
        ({"a": "text"}, "a: str is no array of numbers"),
        ({"a": object()}, "a: object is no array of numbers"),
        ({"a/b": np.ones(1), "a": {"b": np.ones(1)}}, "two arrays of the mapping have one name"),
        (None, "NoneType is neither a path, .* a mapping of names to arrays"),
        ([np.ones(2)], "list is neither a path"),
        ("", "the path is empty"),
    ],
)
def test_what_cannot_be_measured(x: Any, message: str) -> None:
    with pytest.raises(reporter.SettingError, match=message):
        reporter.measure(x)


def test_a_mapping_that_holds_itself() -> None:
    endless: dict[str, Any] = {}
    endless["a"] = endless
    with pytest.raises(reporter.SettingError, match="nested more than"):
        reporter.measure(endless)


@pytest.mark.parametrize("quantiles", [0.5, "0.5", None, (0.5, "x"), [[0.5]]])
def test_quantiles_that_cannot_be(quantiles: Any) -> None:
    with pytest.raises(reporter.SettingError, match=r"quantiles: .* is not a list of probabilities"):
        reporter.measure(ARRAYS, quantiles=quantiles)


def test_progress_is_told_once_for_each_tensor() -> None:
    told: list[tuple[int, int]] = []
    reporter.measure(
        {f"w{i}": np.ones(9) for i in range(20)} | {"big": np.ones(1 << 21)}, progress=lambda *n: told.append(n)
    )
    assert told == [(i + 1, 21) for i in range(21)]


def test_progress_without_a_terminal_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    reporter.measure(ARRAYS, progress=True)
    assert capsys.readouterr().err == ""
    with pytest.raises(reporter.SettingError, match="progress: 3 is neither"):
        reporter.measure(ARRAYS, progress=3)  # type: ignore[arg-type]


def test_a_checkpoint_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what it says of itself, and for its values."""
    real, opened = still_open.open_checkpoint, []

    def counted(format_: str, path: Path) -> Any:
        opened.append(path.name)
        return real(format_, path)

    monkeypatch.setattr(still_open, "open_checkpoint", counted)
    np.savez(tmp_path / "m.npz", **ARRAYS)
    assert reporter.measure(tmp_path / "m.npz") == reporter.measure(ARRAYS)
    with reporter.open_checkpoint(tmp_path / "m.npz") as checkpoint:
        assert checkpoint.read("scale") == 2
    assert opened == ["m.npz"] * 2


def test_a_defect_while_a_checkpoint_is_read_is_told_as_one_of_reading_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", **ARRAYS)
    with pytest.raises(reporter.CheckpointError, match="a defect"), opened_path(tmp_path / "m.npz", Settings()):
        raise KeyError("a defect")
