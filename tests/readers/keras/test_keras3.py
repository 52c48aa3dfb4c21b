"""Keras 3 is the oracle: names, layers, order, trainable flags, values and optimizer slots of models it has saved."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

MODELS = ("image", "text", "subclassed", "sequential", "mixed", "nested")


def live(model: Any, keras: ModuleType, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """(layer, name, variable) of every layer, as the names of variables tell (``variable.path``)."""
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        if isinstance(layer, keras.Model):
            yield from live(layer, keras, path + "/")
        else:
            for variable in (*layer.trainable_variables, *layer.non_trainable_variables):
                parts = variable.path.split("/")
                if "seed_generator_state" not in parts:
                    below = parts[parts.index(layer.name) + 1 :]
                    yield path, "/".join((path, *below)), variable


def as_stored(full: str, model: str, suffix: str) -> str:
    """Names that a file cannot tell: a variable of a class of the user's own, gamma or beta without a configuration."""
    if suffix != ".h5" and model == "subclassed":
        full = re.sub("/factor$", "/var_0", full)
    if suffix == ".weights.h5" and model == "sequential":
        full = re.sub("/beta$", "/var_0", full)
    return full


def raw(values: Any) -> tuple[str, tuple[int, ...], bytes]:
    array = np.asarray(values)
    return array.dtype.name, array.shape, array.tobytes()


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_every_weight_is_read_bit_for_bit_under_the_name_that_keras_gives_it(
    name: str, suffix: str, keras3: Any, keras: ModuleType, read: Any
) -> None:
    saved = keras3[name]
    found = read(saved.files[suffix]).collection("model")
    expected = {full: (layer, variable) for layer, full, variable in live(saved.model, keras)}
    expected = {as_stored(full, name, suffix): one for full, one in expected.items()}
    assert found.keys() == expected.keys()
    trained = {id(variable) for variable in saved.model.trainable_variables}
    for full, (layer, variable) in expected.items():
        info, values = found[full]
        assert raw(values) == raw(variable.numpy()), full
        assert info.trainable in (id(variable) in trained, None), full
        assert info.trainable is not None or (suffix, name) == (".weights.h5", "image"), full
        if not (suffix == ".h5" and name == "subclassed" and layer.startswith("sequential")):
            assert info.layer == layer, full  # a nested model inside a subclassed one is not told apart in .h5


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "subclassed"])
def test_layers_are_in_model_order(name: str, suffix: str, keras3: Any, keras: ModuleType, read: Any) -> None:
    saved = keras3[name]
    found = read(saved.files[suffix])
    expected = list(dict.fromkeys(layer for layer, _, _ in live(saved.model, keras)))
    owners = [info.layer for info, _ in found.collection("model").values()]
    assert list(dict.fromkeys(owners)) == expected
    assert found.contents.layers_ordered
    listed = [layer.name for layer in found.contents.layers]
    assert [layer for layer in listed if layer in expected] == expected
    if suffix != ".weights.h5":  # layers without weights are known from the configuration

        def every(model: Any, prefix: str = "") -> Iterator[str]:
            for layer in model.layers:
                path = prefix + layer.name
                yield from every(layer, path + "/") if isinstance(layer, keras.Model) else (path,)

        assert listed == list(every(saved.model))


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_step_and_optimizer_variables(name: str, suffix: str, keras3: Any, keras: ModuleType, read: Any) -> None:
    saved = keras3[name]
    found = read(saved.files[suffix])
    assert found.contents.step == 1
    assert found.contents.step_source == "optimizer iterations"
    optimizer = getattr(saved.model.optimizer, "inner_optimizer", saved.model.optimizer)
    slots = found.collection("optimizer")
    assert slots["optimizer/iterations"][0].role == "step"
    assert slots["optimizer/learning_rate"][0].role == "hyperparameter"
    by_path = {
        variable.path.replace("/", "_"): (layer, as_stored(full, name, suffix))
        for layer, full, variable in live(saved.model, keras)
    }
    checked = 0
    for variable in optimizer.variables[2:]:
        below = variable.path.rsplit("/", 1)[-1]
        target = max((path for path in by_path if below.startswith(f"{path}_")), key=len)
        layer, full = by_path[target]
        slot = below[len(target) + 1 :]
        if (suffix, slot) == (".weights.h5", "average"):
            slot = "slot"  # accumulated gradients would lie in the same places
        one = slots.get(f"optimizer/{full}/{slot}")
        if one is None:
            # Without a configuration a frozen layer or a subclassed model leaves doubt: then no target is named.
            assert suffix == ".weights.h5" or name == "subclassed", below
            continue
        checked += 1
        assert raw(one[1]) == raw(variable.numpy()), full
        assert (one[0].layer, one[0].trainable) == (layer, False) or name == "subclassed"
    assert checked >= (1 if name == "subclassed" else len(optimizer.variables) / 2)
    if name in {"text", "sequential", "mixed", "nested"} or (name, suffix) == ("image", ".keras"):
        assert checked == len(optimizer.variables) - 2


def test_the_three_formats_agree(keras3: Any, read: Any) -> None:
    for name in ("text", "nested", "mixed"):
        a, b, c = (read(keras3[name].files[suffix]) for suffix in (".keras", ".weights.h5", ".h5"))
        assert list(a.tensors) == list(c.tensors)
        assert [name for name in a.tensors if not name.endswith("/average")] == [
            n for n in b.tensors if not n.endswith("/slot")
        ]
        for full, (info, values) in a.tensors.items():
            for other in (c,) if full.endswith("/average") else (b, c):
                info2, values2 = other.tensors[full]
                assert raw(values) == raw(values2), full
                assert (info.layer, info.role, info.trainable) == (info2.layer, info2.role, info2.trainable), full


def test_output_axes(keras3: Any, read: Any) -> None:
    found = read(keras3["image"].files[".keras"]).tensors
    axes = {name: info.output_axis for name, (info, _) in found.items() if info.role.endswith("kernel")}
    assert axes["c1/kernel"] == axes["sep/pointwise_kernel"] == axes["head/kernel"] == -1
    assert axes["conv2d_transpose/kernel"] == axes["sep/depthwise_kernel"] == axes["depthwise_conv2d/kernel"] == -2
    assert read(keras3["text"].files[".keras"]).tensors["embedding/embeddings"][0].output_axis == 0


def test_framework_and_integrity(keras3: Any, keras: ModuleType, read: Any) -> None:
    archive, weights, legacy = (read(keras3["mixed"].files[s]).contents for s in (".keras", ".weights.h5", ".h5"))
    assert archive.framework == legacy.framework == f"Keras {keras.__version__}"
    assert (archive.integrity, weights.integrity) == ("zip crc32", "lengths")


def test_the_variables_of_a_loss_scale_optimizer_are_counted_once(keras3: Any, read: Any) -> None:
    found = read(keras3["mixed"].files[".keras"])
    model = keras3["mixed"].model
    assert len(found.collection("optimizer")) == len(model.optimizer.variables)
    assert "optimizer/loss_scale_optimizer/dynamic_scale" in found.tensors
    assert len(found.contents.skipped) == len(model.optimizer.inner_optimizer.variables)
    assert all("the same variable as" in one.reason for one in found.contents.skipped)


def test_names_are_found_without_the_names_that_keras_3_6_began_to_store(
    keras3: Any, read: Any, tmp_path: Path
) -> None:
    import io
    import zipfile

    import h5py

    for name in ("image", "text", "nested"):
        source = keras3[name].files[".keras"]
        with zipfile.ZipFile(source) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
        inner = io.BytesIO(members["model.weights.h5"])
        with h5py.File(inner, "r+") as file:
            file.visititems(lambda _, one: one.attrs.pop("name", None) and None)
        members["model.weights.h5"] = inner.getvalue()
        path = tmp_path / source.name
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        old, new = read(path), read(source)
        assert list(old.tensors) == list(new.tensors)
        assert [info.layer for info, _ in old.tensors.values()] == [info.layer for info, _ in new.tensors.values()]


def test_keras_2_13_called_the_list_of_layers_otherwise(keras3: Any, read: Any, tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "old.weights.h5"
    path.write_bytes(keras3["sequential"].files[".weights.h5"].read_bytes())
    with h5py.File(path, "r+") as file:
        file.move("layers", "_layer_checkpoint_dependencies")
    assert list(read(path).tensors) == list(read(keras3["sequential"].files[".weights.h5"]).tensors)


def test_folder_variant(keras: ModuleType, keras3: Any, read: Any, claim: Any, tmp_path: Path, quiet: None) -> None:
    folder = tmp_path / "epoch_07"
    keras.saving.save_model(keras3["sequential"].model, folder, zipped=False)
    found = claim(folder)
    assert (found.format, found.path, found.label) == ("keras", folder, "epoch_07")
    assert {path.name for path in found.members} == {"metadata.json", "config.json", "model.weights.h5"}
    assert list(read(folder).tensors) == list(read(keras3["sequential"].files[".keras"]).tensors)
    (folder / "model.weights.h5").unlink()
    assert claim(folder) is None


def test_spectral_normalization_stores_its_kernel_twice(
    keras: ModuleType, read: Any, tmp_path: Path, quiet: None
) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.SpectralNormalization(keras.layers.Dense(3, name="d"))])
    model.save(tmp_path / "m.keras")
    found = read(tmp_path / "m.keras")
    name = model.layers[0].name
    assert sorted(found.tensors) == [f"{name}/d/bias", f"{name}/d/kernel", f"{name}/vector_u"]
    assert found.tensors[f"{name}/vector_u"][0].trainable is False
    assert [one.reason for one in found.contents.skipped] == [
        "the same variable as layers/spectral_normalization/layer/vars/0"
    ]


@pytest.mark.parametrize(("mode", "names"), [("int8", 3), ("int4", 5), ("float8", 0)])
def test_quantised_layers(mode: str, names: int, keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, name="d")])
    model.compile("adam", "mse")
    model.quantize(mode)
    paths = [tmp_path / f"m{suffix}" for suffix in (".keras", ".weights.h5", ".h5")]
    model.save(paths[0])
    model.save_weights(paths[1])
    model.save(paths[2])
    for path in paths[: 3 if names else 1]:
        found = read(path)
        skipped = {one.name: one.reason for one in found.contents.skipped}
        live_names = {f"d/{variable.name}" for variable in model.layers[0].variables}
        if names:
            assert set(found.collection("model")) | set(skipped) == live_names
            assert len(live_names) == names
            assert ("d/kernel" in skipped) == (mode == "int4")
        else:
            assert len(found.collection("model")) == len(live_names)


def test_a_gan_has_two_optimizers(keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    class Gan(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.generator = keras.Sequential([keras.layers.Dense(3)])
            self.discriminator = keras.Sequential([keras.layers.Dense(1)])
            self.g_optimizer = keras.optimizers.Adam()
            self.d_optimizer = keras.optimizers.Adam()

        def call(self, x: Any) -> Any:
            return self.discriminator(self.generator(x))

    model = Gan()
    model(np.zeros((1, 4), np.float32))
    for optimizer, part in ((model.g_optimizer, model.generator), (model.d_optimizer, model.discriminator)):
        optimizer.apply([np.ones(v.shape, np.float32) for v in part.trainable_variables], part.trainable_variables)
    model.g_optimizer.iterations.assign(7)
    model.save_weights(tmp_path / "gan.weights.h5")
    found = read(tmp_path / "gan.weights.h5")
    optimizers = {name.split("/")[0] for name in found.collection("optimizer")}
    assert optimizers == {"g_optimizer", "d_optimizer"}
    assert (found.contents.step, found.contents.step_source) == (7, "g_optimizer iterations")


def test_nothing_is_imported_or_executed(keras3: Any, read: Callable[[Path], Any]) -> None:
    """A configuration with a Lambda layer is inert text; reading raises no warning either."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(keras3["image"].files[".keras"])
