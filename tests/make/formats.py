"""A model in every registered format, as the library saves it that usually writes such files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from reporter.readers import READERS
from reporter.readers.live import live_contents

NAMES = [reader.name for reader in READERS]


def network(keras: ModuleType) -> Any:
    """A convolution, a normalisation and a dense layer."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Flatten(name="flat")(x)
    return keras.Model(image, layers.Dense(3, name="head")(x))


def files_of(path: Path) -> list[Path]:
    """The files of a checkpoint that has a folder of its own."""
    return sorted(p for p in path.parent.rglob("*") if p.is_file())


def keras_archive(model: Any, folder: Path, tf: Any) -> Path:
    model.save(folder / "m.keras")
    return folder / "m.keras"


def keras_weights(model: Any, folder: Path, tf: Any) -> Path:
    model.save_weights(folder / "m.weights.h5")
    return folder / "m.weights.h5"


def keras_legacy(model: Any, folder: Path, tf: Any) -> Path:
    model.save(folder / "m.h5")
    return folder / "m.h5"


def bundle(model: Any, folder: Path, tf: Any) -> Path:
    return Path(tf.train.Checkpoint(model=model).write(str(folder / "m")))


def saved_model(model: Any, folder: Path, tf: Any) -> Path:
    model.export(folder / "m", verbose=False)
    return folder / "m"


def arrays_of(model: Any, separator: str) -> dict[str, Any]:
    """What a user who saves arrays by name would write: ``<layer>/<variable>``."""
    names = [t.info.name for t in live_contents(model).tensors if t.info.collection == "model"]
    by_path = {t.info.name: t.info.key for t in live_contents(model).tensors}
    values = {v.path: np.asarray(v.numpy()) for v in model.variables}
    return {name.replace("/", separator): values[by_path[name]] for name in names}


def v1(model: Any, folder: Path, tf: Any) -> Path:
    """Of a hand-written TensorFlow 1 program; V1 files know no layers' order."""
    arrays = arrays_of(model, "/")
    values = [tf.constant(array) for array in arrays.values()]
    tf.raw_ops.Save(filename=str(folder / "m"), tensor_names=list(arrays), data=values)
    return folder / "m"


def safetensors(model: Any, folder: Path, tf: Any) -> Path:
    from safetensors.numpy import save_file

    save_file(arrays_of(model, "."), folder / "m.safetensors")
    return folder / "m.safetensors"


def safetensors_index(model: Any, folder: Path, tf: Any) -> Path:
    """As Hugging Face's libraries shard: whole tensors, an index of names."""
    from safetensors.numpy import save_file

    arrays = arrays_of(model, ".")
    names, weight_map = list(arrays), {}
    for i in range(3):
        shard, held = f"m-{i + 1:05}-of-00003.safetensors", names[i::3]
        save_file({name: arrays[name] for name in held}, folder / shard)
        weight_map |= dict.fromkeys(held, shard)
    index = {"metadata": {"total_size": sum(a.nbytes for a in arrays.values())}, "weight_map": weight_map}
    (folder / "m.safetensors.index.json").write_text(json.dumps(index, indent=2))
    return folder / "m.safetensors.index.json"


def keras_sharded(model: Any, folder: Path, tf: Any) -> Path:
    largest = max(np.asarray(v.numpy()).nbytes for v in model.variables)
    model.save_weights(folder / "m.weights.json", max_shard_size=largest / 1024**3)
    assert len(list(folder.glob("*.weights.h5"))) > 1
    return folder / "m.weights.json"


def npz(model: Any, folder: Path, tf: Any) -> Path:
    np.savez(folder / "m.npz", **arrays_of(model, "/"))
    return folder / "m.npz"


def orbax(model: Any, folder: Path, tf: Any) -> Path:
    import keras

    compiled = keras.models.clone_model(model)  # Keras's callback needs an optimizer
    compiled.set_weights(model.get_weights())
    compiled.compile("sgd", "mse")
    callback = keras.callbacks.OrbaxCheckpoint(str(folder))
    callback.set_model(compiled)
    callback.on_epoch_end(0)
    callback.on_train_end()
    return folder / "0"


MAKERS: dict[str, Callable[[Any, Path, Any], Path]] = {
    "keras": keras_archive,
    "keras-weights": keras_weights,
    "keras-h5": keras_legacy,
    "tf-bundle": bundle,
    "savedmodel": saved_model,
    "tf-v1": v1,
    "safetensors": safetensors,
    "keras-sharded": keras_sharded,
    "safetensors-index": safetensors_index,
    "numpy": npz,
    "orbax": orbax,
}
