"""Arrays as checkpoints of every format, with the library whose format it is where there is one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.calibration.tape import Array

Save = Callable[[Path, int, Mapping[str, Array]], None]
"""Writes arrays as the checkpoint of some number into a folder."""


def npz(folder: Path, k: int, arrays: Mapping[str, Array]) -> None:
    np.savez(folder / f"epoch_{k:02d}.npz", **arrays)  # type: ignore[arg-type]


def safetensors(folder: Path, k: int, arrays: Mapping[str, Array]) -> None:
    from tests.make.safetensors import safetensors as write

    write(folder / f"epoch_{k:02d}.safetensors", {name.replace("/", "."): a for name, a in arrays.items()})


def bfloat16(folder: Path, k: int, arrays: Mapping[str, Array]) -> None:
    """safetensors with all weights in bfloat16."""
    import ml_dtypes

    narrow = {n: a.astype(ml_dtypes.bfloat16) if a.dtype == np.float32 else a for n, a in arrays.items()}
    safetensors(folder, k, narrow)


def float16(folder: Path, k: int, arrays: Mapping[str, Array]) -> None:
    """safetensors with all weights in float16."""
    safetensors(folder, k, {n: a.astype("f2") if a.dtype == np.float32 else a for n, a in arrays.items()})


def bundle(folder: Path, k: int, arrays: Mapping[str, Array]) -> None:
    """A TensorFlow checkpoint of nested modules."""
    import tensorflow as tf

    tf.train.Checkpoint(**_tree(arrays)).write(str(folder / f"epoch_{k:02d}"))


def saved_model(folder: Path, k: int, arrays: Mapping[str, Array]) -> None:
    """A SavedModel of the weights alone, as one that is made for serving: without optimizer and count of steps."""
    import tensorflow as tf

    module = tf.Module()
    served = {n: a for n, a in arrays.items() if n != "step" and not n.startswith("optimizer/")}
    for name, value in _tree(served).items():
        setattr(module, name, value)
    tf.saved_model.save(module, str(folder / f"epoch_{k:02d}"))


def _tree(arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Variables as attributes of modules, one for each part of their names."""
    import tensorflow as tf

    root: dict[str, Any] = {}
    for name, values in arrays.items():
        *path, last = name.split("/")
        variable = tf.Variable(values, name=last)
        if not path:
            root[last] = variable
            continue
        module = root.setdefault(path[0], tf.Module())
        for part in path[1:]:
            if not hasattr(module, part):
                setattr(module, part, tf.Module())
            module = getattr(module, part)
        setattr(module, last, variable)
    return root


@functools.lru_cache
def _orbax() -> Any:
    import orbax.checkpoint as ocp

    return ocp.Checkpointer(ocp.PyTreeCheckpointHandler())


def orbax(folder: Path, k: int, arrays: Mapping[str, Array]) -> None:
    """A folder of Orbax with a state of training: the weights, the optimizer's state, averages beside, the step."""
    state: dict[str, Any] = {"params": {}}
    for name, values in arrays.items():
        *path, last = name.split("/")
        beside = {"optimizer": "opt_state", "ema": "ema_params"}.get(path[0] if path else "")
        where = state.setdefault(beside, {}) if beside else state["params"]
        for part in path[1:] if beside else path:
            where = where.setdefault(part, {})
        where[last] = values
    step = state["params"].pop("step")
    _orbax().save(folder / str(k), {**state, "step": int(step)})
