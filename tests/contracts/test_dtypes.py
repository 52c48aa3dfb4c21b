"""Every dtype in every format that can hold it: read with NumPy's numbers, or listed with the reason."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from reporter.api import inspect, measure
from reporter.settings.model import Settings
from tests.make.formats import NAMES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DTYPES = (
    "float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int64", "int32", "int16", "int8",
    "int4", "uint64", "uint32", "uint16", "uint8", "uint4", "bool", "complex64", "complex128",
)  # fmt: skip

CANNOT: dict[str, frozenset[str]] = {
    # Keras's variables have no types of 4 bits, h5py no float8_e5m2, shards no sizes of the others (Keras 3.15).
    **dict.fromkeys(("keras", "keras-weights", "keras-h5"), frozenset({"int4", "uint4", "float8_e5m2"})),
    "keras-sharded": frozenset({"int4", "uint4", "float8_e5m2", "float8_e4m3fn", "complex64", "complex128"}),
    **dict.fromkeys(("safetensors", "safetensors-index"), frozenset({"int4", "uint4", "complex128"})),
    # As TensorFlow 2.21's Save says.
    "tf-v1": frozenset({"bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4", "uint32", "uint64"}),
}
"""No file of these formats can hold them."""

UNNAMED: dict[str, frozenset[str]] = {
    "numpy": frozenset({"bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4"}),
    "keras-h5": frozenset({"bfloat16", "float8_e4m3fn"}),
    **dict.fromkeys(("keras", "keras-weights"), frozenset({"float8_e4m3fn"})),
}
"""The bytes are stored, but not what they are: such tensors are skipped, and the reason says so."""


def values_of(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(7)
    if dtype == "bool":
        return rng.random((6, 7)) < 0.3
    if dtype.startswith("complex"):
        return (rng.normal(size=(6, 7)) + 1j * rng.normal(size=(6, 7))).astype(dtype)
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    if "int" not in dtype:
        return rng.normal(size=(6, 7)).astype(kind)
    low, high = int(ml_dtypes.iinfo(kind).min), int(ml_dtypes.iinfo(kind).max)
    return rng.integers(max(low, -(1 << 40)), min(high, 1 << 40), (6, 7)).astype(kind)


def write(format: str, values: np.ndarray, folder: Path, tf: Any, keras: Any) -> Path:
    """The values, as the only variable of a checkpoint, by the library that writes such files."""
    if format == "tf-bundle":
        return Path(tf.train.Checkpoint(w=tf.Variable(values)).write(str(folder / "m")))
    if format == "savedmodel":
        module = tf.Module()
        module.w = tf.Variable(values)
        tf.saved_model.save(module, folder / "m")
        return folder / "m"
    if format == "tf-v1":
        tf.raw_ops.Save(filename=str(folder / "m"), tensor_names=["w"], data=[tf.constant(values)])
        return folder / "m"
    if format == "numpy":
        np.savez(folder / "m.npz", w=values)
        return folder / "m.npz"
    if format.startswith("safetensors"):
        from safetensors.numpy import save_file

        save_file({"w": values}, folder / "m.safetensors")
        if format == "safetensors":
            return folder / "m.safetensors"
        (folder / "m.safetensors.index.json").write_text('{"metadata": {}, "weight_map": {"w": "m.safetensors"}}')
        return folder / "m.safetensors.index.json"
    layer = holder(keras, tf.constant(values))
    model = keras.Sequential([keras.Input((3,)), layer], name="m")
    if format == "keras-sharded":
        model.save_weights(folder / "m.weights.json", max_shard_size=1)
        return folder / "m.weights.json"
    path = folder / {"keras": "m.keras", "keras-weights": "m.weights.h5", "keras-h5": "m.h5"}[format]
    model.save_weights(path) if format == "keras-weights" else model.save(path)
    return path


def holder(keras: ModuleType, values: Any) -> Any:
    class Holder(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            shape, dtype = tuple(values.shape), values.dtype.name
            self.w = self.add_weight(shape, lambda *_, **__: values, dtype, trainable=False, name="w")

        def call(self, x: Any) -> Any:
            return x

    return Holder(name="own")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "orbax"])  # see tests/readers/orbax
def test_every_dtype(name: str, dtype: str, tmp_path: Path, tf: ModuleType, keras: ModuleType) -> None:
    values = values_of(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dtype in CANNOT.get(name, ()):
            with pytest.raises(Exception, match=r"(?i)dtype|type|support"):
                write(name, values, tmp_path, tf, keras)
            return
        path = write(name, values, tmp_path, tf, keras)
    if dtype in UNNAMED.get(name, ()):
        contents, _ = inspect(path, Settings())
        assert values.shape not in {one.info.shape for one in contents.tensors}
        assert [one.shape for one in contents.skipped] == [values.shape]
        assert "does not store which" in contents.skipped[0].reason or "opaque bytes" in contents.skipped[0].reason
        return
    (found,) = [v for v in measure(path, quantiles=(0.25, 0.5)).variables if v.shape == values.shape]
    assert found.dtype == dtype
    wide = np.abs(values).astype(np.float64) if dtype.startswith("complex") else as_float64(values)
    assert found.statistics["min"] == wide.min()
    assert found.statistics["max"] == wide.max()
    assert found.statistics["mean"] == pytest.approx(wide.mean(), rel=1e-12, abs=1e-15)
    assert found.statistics["std"] == pytest.approx(wide.std(), rel=1e-12)
    assert found.statistics["zero_count"] == (wide == 0).sum()
    assert list(found.quantiles.values()) == list(np.quantile(wide, (0.25, 0.5)))


def as_float64(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64) if values.dtype.kind == "V" else values.astype(np.float64)
