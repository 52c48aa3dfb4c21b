"""Quantised models in every format: int8 is labelled with its scale, packed int4 is never shown as statistics."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.api import inspect, measure
from reporter.readers.live import live_contents
from reporter.readers.quantised import labelled
from reporter.settings.model import Settings
from tests.make.formats import MAKERS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MODES = ("int8", "int4", "int4/-1", "int4/4", "float8")
FORMATS = [name for name in MAKERS if name != "orbax"]  # its maker clones the model, which loses quantisation
INTEGERS = {"emb/embeddings", "ein/kernel", "mid/kernel", "head/kernel"}


def quantised(keras: ModuleType, mode: str) -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 8, name="emb")(inputs)
    x = layers.EinsumDense("abc,cd->abd", output_shape=(None, 8), bias_axes="d", name="ein")(x)
    x = layers.Dense(4, name="mid")(layers.GlobalAveragePooling1D(name="pool")(x))
    model = keras.Model(inputs, layers.Dense(2, use_bias=False, name="head")(x))
    kind, _, block = mode.partition("/")
    if block:
        model.quantize(config=keras.quantizers.Int4QuantizationConfig(block_size=int(block)))
    else:
        model.quantize(kind)
    return model


@pytest.fixture(scope="module")
def models(keras: ModuleType) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {mode: quantised(keras, mode) for mode in MODES}


@pytest.fixture(scope="module")
def files(
    models: dict[str, Any], tf: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Path]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, dict[str, Path]] = {}
        for mode, model in models.items():
            folder = tmp_path_factory.mktemp(mode.replace("/", "_"))
            for name in FORMATS:
                make = MAKERS[name]
                (folder / name).mkdir()
                found.setdefault(mode, {})[name] = make(model, folder / name, tf)
        return found


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("mode", MODES)
def test_every_format_tells_the_same(mode: str, name: str, models: dict[str, Any], files: Any) -> None:
    contents, _ = inspect(files[mode][name], Settings())
    found = {t.info.name.replace(".", "/"): t.info for t in contents.tensors}
    left_out = {s.name.replace(".", "/"): s for s in contents.skipped}
    live = {v.path: v for v in models[mode].variables}
    assert found.keys() | left_out.keys() >= live.keys()
    if mode.startswith("int4"):
        assert left_out.keys() >= INTEGERS
        assert not found.keys() & INTEGERS
        assert all("packed" in left_out[one].reason for one in INTEGERS)
        return
    assert found.keys() >= live.keys()
    notes = [note for note in contents.notes if note.startswith("quantised: ")]
    if mode == "int8":
        (note,) = notes
        assert all(f"{one} (int8, with {one}_scale)" in note.replace(".", "/") for one in INTEGERS)
    else:
        assert notes == []
        assert found["mid/kernel"].role == "kernel"
        assert found["mid/kernel"].trainable in {True, None}
    for one, info in found.items():
        if one.endswith(("_scale", "_zero", "g_idx", "_history")):
            assert info.role == "quantisation", one
    same = measure(files[mode][name])
    for sample in measure(models[mode]).variables:
        other = next(v for v in same.variables if v.name.replace(".", "/") == sample.name)
        assert (other.statistics, other.quantiles) == (sample.statistics, sample.quantiles)


def test_a_live_model_is_treated_alike(models: dict[str, Any]) -> None:
    contents = labelled(live_contents(models["int4"]))
    assert {one.name for one in contents.skipped} == INTEGERS
    assert labelled(live_contents(models["float8"])).skipped == ()


def test_plain_integers_are_left_alone(tmp_path: Path) -> None:
    """An int8 tensor without a scale, and a scale of floats, are no quantisation."""
    arrays = {"a/kernel": np.ones((2, 3), np.int8), "b/kernel": np.ones((2, 3)), "b/kernel_scale": np.ones(3)}
    np.savez(tmp_path / "m.npz", **arrays)
    contents, _ = inspect(tmp_path / "m.npz", Settings())
    assert contents.skipped == ()
    assert contents.notes == ()


@pytest.mark.parametrize(
    ("shape", "scale", "packed"),
    [((8, 4), (4,), False), ((8, 4), (1, 4), False), ((8, 2), (4,), True), ((3, 4, 5), (1, 4, 5), False),
     ((3, 4, 5), (1, 4, 10), True), ((8, 1), (2,), True), ((8, 4), (), False)],
)  # fmt: skip
def test_a_scale_for_more_outputs_than_there_are_tells(
    shape: tuple[int, ...], scale: tuple[int, ...], packed: bool, tmp_path: Path
) -> None:
    np.savez(tmp_path / "m.npz", **{"a/kernel": np.ones(shape, np.int8), "a/kernel_scale": np.ones(scale)})
    contents, _ = inspect(tmp_path / "m.npz", Settings())
    assert [one.name for one in contents.skipped] == (["a/kernel"] if packed else [])


def test_gptq_is_packed_too(tmp_path: Path) -> None:
    names = {"a/quantized_kernel": np.ones((2, 3), np.uint8), "a/kernel_scale": np.ones((3, 1)),
             "a/kernel_zero": np.ones((3, 1), np.uint8), "a/g_idx": np.ones(2)}  # fmt: skip
    np.savez(tmp_path / "m.npz", **names)
    contents, _ = inspect(tmp_path / "m.npz", Settings())
    assert [one.name for one in contents.skipped] == ["a/quantized_kernel"]
    assert "a/kernel_scale" in contents.skipped[0].reason
