"""What the model is called and of which class it is, from the formats that say so."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reporter.readers.live import live_contents
from reporter.readers.opening import open_checkpoint

CALLED = ("keras", "keras-h5")
"""Readers of files with the configuration of the whole model."""


def test_whole_models_say_so_and_weights_do_not(made: dict[str, Path], model: Any) -> None:
    expected = f"{model.name} (Functional)"
    found = {}
    for name, path in made.items():
        with open_checkpoint(name, path) as contents:
            found[name] = contents.model
    assert live_contents(model).model == expected
    assert {name for name, called in found.items() if called == expected} >= set(CALLED), found
    assert set(found.values()) <= {expected, ""}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_root_of_a_saved_model_of_keras_2_says_so(tf_keras: ModuleType, tf: ModuleType, tmp_path: Path) -> None:
    k = tf_keras
    model = k.Sequential([k.layers.Dense(2, input_shape=(3,), name="d")], name="tagger")
    model.save(tmp_path / "m", save_format="tf")
    with open_checkpoint("savedmodel", tmp_path / "m") as contents:
        assert contents.model == "tagger (Sequential)"
