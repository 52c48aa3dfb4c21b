"""A ``.keras`` archive as Keras 3 lays it out, written without Keras: zip, JSON and HDF5."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A layer: its class, its name, its variables in Keras's order; those of a layer that was not saved are None."""

    kind: str
    name: str
    variables: Sequence[Array] | None
    trainable: bool = True


def write(path: Path, layers: Sequence[Layer], slots: Sequence[Array], *, iterations: int) -> None:
    """Write a Sequential model compiled with Adam.

    Args:
        slots: momentum and velocity of every trainable variable, alternating.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    members = {
        "metadata.json": json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-02@03:04:05"}).encode(),
        "config.json": json.dumps(_config(layers)).encode(),
        "model.weights.h5": _weights(layers, slots, iterations),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 4)), content)


def _config(layers: Sequence[Layer]) -> Mapping[str, Any]:
    def one(kind: str, **config: Any) -> dict[str, Any]:
        return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}

    described = [one(layer.kind, name=layer.name, trainable=layer.trainable) for layer in layers]
    adam = {"module": "keras.optimizers", "class_name": "Adam", "config": {"name": "adam"}, "registered_name": None}
    model = one("Sequential", name="sequential", trainable=True, layers=[one("InputLayer", name="input"), *described])
    return {**model, "module": "keras", "compile_config": {"optimizer": adam, "loss": "mse"}}


def _weights(layers: Sequence[Layer], slots: Sequence[Array], iterations: int) -> bytes:
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        seen: dict[str, int] = {}
        for layer in layers:
            key = {"Dense": "dense", "BatchNormalization": "batch_normalization"}[layer.kind]
            count = seen.get(key, 0)
            seen[key] = count + 1
            if layer.variables is not None:
                _vars(file, f"layers/{key}_{count}" if count else f"layers/{key}", layer.name, layer.variables)
        state = [np.array(iterations, "i8"), np.array(0.001, "f4"), *slots]
        _vars(file, "optimizer", "adam", state)
        file.create_group("vars").attrs["name"] = "sequential"
    return data.getvalue()


def _vars(file: h5py.File, path: str, name: str, variables: Sequence[Array]) -> None:
    group = file.create_group(f"{path}/vars")
    group.attrs["name"] = name
    for i, values in enumerate(variables):
        group.create_dataset(str(i), data=values)
