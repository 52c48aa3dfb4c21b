"""The same model in every format: the same layers, names and, to the bit, statistics; other kinds than the first."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.api import Measurement, inspect, measure
from reporter.cli import main
from reporter.model.neighbours import with_roles
from reporter.model.tensor import TensorInfo
from reporter.readers.live import live_contents
from reporter.settings.model import Settings
from tests.make.formats import MAKERS, NAMES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's own, while it saves

KERAS = {"keras", "keras-weights", "keras-sharded", "keras-h5"}
FLAT = {"safetensors", "safetensors-index", "numpy", "tf-v1"}
"""They know names only: every part of a name but the last is a layer, in an order of their own."""

CLONED = {"orbax"}
"""Keras writes it from a compiled model, so its maker clones, which loses quantisation and custom classes;
tests/readers/orbax compares what it holds."""

CANNOT = {("bfloat16", "tf-v1"): "TensorFlow's Save has no bfloat16"}
UNNAMED = {("bfloat16", "numpy"): "as NumPy writes bfloat16"}
"""What a format stores without its type: listed, with the reason, and not measured."""

LOST = {("subclassed", "savedmodel"), ("int8", "savedmodel")}
"""An exported model keeps a plain list of variables, with paths that no longer tell every layer."""

NUMBERED = {("subclassed", name) for name in KERAS - {"keras-h5"}}
"""Keras stores no names of variables, and of a user's own class no layers' classes that would tell them."""


def nested(keras: ModuleType) -> Any:
    layers = keras.layers
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(16, name="z"), layers.Dense(8, name="a")], name="inner")
    middle_in = keras.Input((6,))
    middle = keras.Model(middle_in, layers.LayerNormalization(name="ln")(inner(middle_in)), name="middle")
    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 6, name="emb")(tokens)
    x = layers.GRU(6, name="gru")(x)
    return keras.Model(tokens, layers.Dense(3, name="head")(middle(x)))


def typed(dtype: str) -> Any:
    def make(keras: ModuleType) -> Any:
        layers = keras.layers
        return keras.Sequential([
            keras.Input((12,)), layers.Dense(24, dtype=dtype, name="one"), layers.Dense(16, dtype=dtype, name="two"),
            layers.LayerNormalization(dtype=dtype, name="norm"), layers.Dense(20, dtype=dtype, name="head"),
        ])  # fmt: skip

    return make


def int8(keras: ModuleType) -> Any:
    model = typed("float32")(keras)
    model.quantize("int8")
    return model


def subclassed(keras: ModuleType) -> Any:
    class Net(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.body = keras.layers.Dense(24, name="body")
            self.head = keras.layers.Dense(12, name="head")

        def call(self, x: Any) -> Any:
            return self.head(self.body(x))

    model = Net()
    model(np.zeros((1, 3), "f4"))
    return model


KINDS = {
    "nested": nested,
    "float64": typed("float64"),
    "float16": typed("float16"),
    "bfloat16": typed("bfloat16"),
    "int8": int8,
    "subclassed": subclassed,
}


@pytest.fixture(scope="module", params=KINDS)
def saved(
    request: pytest.FixtureRequest, keras: ModuleType, tf: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Any, dict[str, Path]]:
    """The kind of a model, the model, and its path in each format that can hold it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.utils.set_random_seed(1)
        model = KINDS[request.param](keras)
        paths = {
            name: make(model, tmp_path_factory.mktemp(f"{request.param}-{name}"), tf)
            for name, make in MAKERS.items()
            if name not in CLONED and (request.param, name) not in CANNOT
        }
    return request.param, model, paths


@pytest.mark.parametrize("name", [name for name in NAMES if name not in CLONED])
def test_layers_names_and_numbers_are_the_live_models(name: str, saved: tuple[str, Any, dict[str, Path]]) -> None:
    kind, model, paths = saved
    if (kind, name) in CANNOT:
        pytest.skip(CANNOT[kind, name])
    if (kind, name) in UNNAMED:
        contents, _ = inspect(paths[name], Settings())
        left_out = {one.name: one.reason for one in contents.skipped}
        ours = [t for t in live_contents(model).tensors if t.info.dtype == kind]
        assert left_out.keys() == {t.info.name for t in ours}
        assert all(UNNAMED[kind, name] in reason for reason in left_out.values())
        return
    live, back = measure(model), measure(paths[name])
    told = (kind, name) not in NUMBERED
    assert numbers(back, roles=told) == numbers(live, roles=told)
    assert back.whole.statistics["count"] == live.whole.statistics["count"]
    theirs, ours = [[slashes(layer.name) for layer in one.layers] for one in (back, live)]
    names, wanted = [sorted(slashes(v.name) for v in one.variables) for one in (back, live)]
    if name in FLAT:
        assert names == wanted
        assert {layer for v in back.variables for layer in [slashes(v.layer or "")]} == set(theirs)
    elif name in KERAS:
        assert theirs == ours
        assert not told or names == wanted
    elif (kind, name) not in LOST:
        # A bundle keeps a variable's own path, in which models around a functional one do not occur.
        assert all(mine.endswith(layer) for layer, mine in zip(theirs, ours, strict=True))


def numbers(result: Measurement, *, roles: bool) -> list[Any]:
    """All that was measured; variables of a layer are stored in various orders."""
    rows = [(v.role if roles else "", v.dtype, v.shape, v.statistics, v.quantiles) for v in result.variables]
    return sorted(rows, key=repr)


def slashes(name: str) -> str:
    return name.replace(".", "/")


def rich(k: ModuleType) -> Any:
    """Nested, shared and wrapped layers, in a model of either Keras."""
    layers = k.layers
    inner = k.Sequential([k.Input((6,)), layers.Dense(5, name="z"), layers.Dense(4, name="a")], name="inner")
    each = k.Sequential([k.Input((4,)), layers.Dense(6, name="up"), layers.Dense(4, name="down")], name="each_inner")
    shared = layers.Dense(6, name="shared")
    given = k.Input((2, 6))
    x = layers.Conv1D(6, 2, padding="same", name="conv")(shared(shared(given)))
    x = layers.TimeDistributed(inner, name="steps")(layers.BatchNormalization(name="norm")(x))
    x = layers.TimeDistributed(each, name="again")(x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True, unroll=True, name="lstm"), name="both")(x)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    middle_in = k.Input((2, 6))
    middle = k.Model(middle_in, layers.LayerNormalization(name="ln")(middle_in), name="middle")
    x = layers.GRU(4, unroll=True, name="gru")(middle(x))
    return k.Model(given, layers.Dense(2, name="head")(x))


def wrapped(k: ModuleType) -> Any:
    """A layer of a name of its own in one that owns nothing."""
    given = k.Input((3, 6))
    x = k.layers.TimeDistributed(k.layers.Dense(5, name="each"), name="times")(given)
    return k.Model(given, k.layers.Dense(2, name="head")(x))


def spectral(k: ModuleType) -> Any:
    given = k.Input((8, 8, 3))
    x = k.layers.SpectralNormalization(k.layers.Conv2D(4, 3, name="conv"), name="bounded")(given)
    x = k.layers.DepthwiseConv2D(3, name="depthwise")(x)
    return k.Model(given, k.layers.Dense(2, name="head")(k.layers.Flatten(name="flat")(x)))


def listed(k: ModuleType) -> Any:
    class Net(k.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.blocks = [k.layers.Dense(6, name=f"block_{i}") for i in range(3)]
            self.head = k.layers.Dense(2, name="head")

        def call(self, x: Any) -> Any:
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    model = Net()
    model(np.zeros((1, 6), "f4"))
    return model


def slashed(k: ModuleType) -> Any:
    """Keras 3 refuses such names."""
    layers = k.layers
    inner_in = k.Input((5,))
    inner = k.Model(inner_in, layers.Dense(4, name="conv1/bn")(inner_in), name="net/deep")
    given = k.Input((6,))
    return k.Model(given, layers.Dense(2, name="out/logits")(inner(layers.Dense(5, name="stem/one")(given))))


def compiled(k: ModuleType) -> Any:
    """With an optimizer that has made a step, so that files tell what is trained."""
    model = rich(k)
    model.get_layer("conv").trainable = False
    model.compile("adam", "mse", run_eagerly=True)
    model.fit(np.ones((2, 2, 6), "f4"), np.ones((2, 2), "f4"), verbose=0)
    return model


RICH = {
    "rich": rich,
    "wrapped": wrapped,
    "spectral": spectral,
    "listed": listed,
    "slashed": slashed,
    "compiled": compiled,
}
GENERATIONS = {"keras": ("keras", "keras-weights", "keras-h5", "tf-bundle", "savedmodel"),
               "tf_keras": ("keras", "keras-weights", "keras-h5", "tf-bundle", "savedmodel")}  # fmt: skip
"""Formats in which either generation of Keras saves."""

CANNOT_MAKE = {
    ("keras", "slashed"): "Keras 3 refuses slashes in names",
    ("tf_keras", "spectral"): "Keras 2's SpectralNormalization mixes two classes of InputSpec here",
}
"""Kinds that a generation of Keras does not know."""

CANNOT_SAVE = {("keras-h5", "listed"): "Keras does not save subclassed models as .h5"}
"""Formats in which neither generation saves a kind."""

NO_NAMES = {("keras-weights", generation, kind) for generation in GENERATIONS for kind in RICH} | {
    ("keras", generation, "listed") for generation in GENERATIONS
}
"""Weights alone store no variable's name, Keras 2's no layer's either: compared by layer, shape and role."""

_EXPORTED = {
    "steps/inner/z/": ("inner/z/", "inner/z"),
    "steps/inner/a/": ("inner/a/", "inner/a"),
    "again/each_inner/up/": ("each_inner/up/", "each_inner/up"),
    "again/each_inner/down/": ("each_inner/down/", "each_inner/down"),
    "middle/ln/": ("ln/", "ln"),
}
_GRAPH_3 = {
    "steps/inner/": ("inner/", "inner"),
    "again/each_inner/": ("each_inner/", "each_inner"),
    "middle/ln/": ("ln/", "ln"),
}
_GRAPH_2 = {
    "steps/inner/": ("layer_with_weights-3/", "layer_with_weights-3"),
    "again/each_inner/": ("layer_with_weights-4/", "layer_with_weights-4"),
    "middle/ln/": ("ln/", "ln"),
}
FORGOTTEN: dict[tuple[str, str, str], dict[str, tuple[str, str]]] = {
    # A bundle has attributes, which for layers of functional models are numbers, and the names of variables. Those of
    # Keras 3 begin with the model in which their layer was made, those of Keras 2 with the layer. What was made later
    # around them, wrappers and models, has no variable of its own, and so its name is not in the file. Of a layer that
    # Keras 2 makes only when its wrapper is built, the wrapper's name alone is.
    **{("tf-bundle", "keras", kind): _GRAPH_3 for kind in ("rich", "compiled")},
    **{("tf-bundle", "tf_keras", kind): _GRAPH_2 for kind in ("rich", "compiled")},
    ("tf-bundle", "tf_keras", "wrapped"): {"times/each/": ("times/", "times")},
    ("tf-bundle", "tf_keras", "slashed"): {"net/deep/conv1/bn/": ("conv1/bn/", "conv1/bn")},
    # Model.export of Keras 3 stores no layers, but one list of variables: a name does not say where its layer ends.
    **{("savedmodel", "keras", kind): _EXPORTED for kind in ("rich", "compiled")},
    ("savedmodel", "keras", "wrapped"): {"times/each/": ("times/each/", "times/each")},
    ("savedmodel", "keras", "spectral"): {"bounded/conv/": ("bounded/conv/", "bounded/conv")},
    # Keras 3 calls the variables of all layers of a subclassed model by the model's name, `net/kernel`.
    ("savedmodel", "keras", "listed"): {
        f"{layer}/": (f"{named}/", named)
        for layer, named in {"block_0": "net", "block_1": "net_1", "block_2": "net_2", "head": "net_3"}.items()
    },
    ("tf-bundle", "keras", "listed"): {"head/": ("net/", "net")},
}
"""What variables and their layer are called whose own names a format does not store: names begin with the first."""

FIELDS = ("name", "layer", "role", "shape", "dtype", "trainable")

UNSAID = {
    **dict.fromkeys(("rich", "compiled"), ("steps", "again", "middle")),
    "slashed": ("net/deep",),
    "listed": ("block_0",),
}
"""Names that variables lack in the formats above: the bytes of none of them are in such a file."""

LOST_LAYERS = {("tf-bundle", "keras", "listed"): ("block_0", "block_1", "block_2")}
"""Keras 3 does not save the layers in a list of a subclassed model. Without an optimizer, which would keep a list of
what it trains, nothing in the file tells that they were there."""


@pytest.fixture(scope="module", params=[(g, kind) for g in GENERATIONS for kind in RICH], ids="-".join)
def both_kerases(
    request: pytest.FixtureRequest, tf: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str, Any, dict[str, Path]]:
    """The generation of Keras, the kind of a model, the model live, and its path in each format."""
    generation, kind = request.param
    reason = CANNOT_MAKE.get((generation, kind))
    if reason:
        pytest.skip(reason)
    k = request.getfixturevalue(generation)
    paths: dict[str, Path] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        k.utils.set_random_seed(1)
        model = RICH[kind](k)
        for name in GENERATIONS[generation]:
            if (name, kind) not in CANNOT_SAVE:
                folder = tmp_path_factory.mktemp(f"{generation}-{kind}-{name}")
                paths[name] = (
                    MAKERS[name](model, folder, tf)
                    if (generation, name) != ("tf_keras", "savedmodel")
                    else keras2_saved_model(model, folder, traces=kind != "rich")
                )
    return generation, kind, model, paths


def keras2_saved_model(model: Any, folder: Path, *, traces: bool) -> Path:
    """As a user saves it, who may leave out what its layers compute: of the same model compiled that is there."""
    model.save(folder / "m", save_format="tf", save_traces=traces)
    return folder / "m"


@pytest.mark.parametrize("name", GENERATIONS["keras"])
def test_inspect_says_the_same_of_every_format_of_both_kerases(
    name: str, both_kerases: tuple[str, str, Any, dict[str, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    generation, kind, model, paths = both_kerases
    if (name, kind) in CANNOT_SAVE:
        pytest.skip(CANNOT_SAVE[name, kind])
    capsys.readouterr()
    assert main(["inspect", str(paths[name]), "--json"]) == 0
    told = [t for t in json.loads(capsys.readouterr().out)["tensors"] if t["collection"] == "model"]
    live = [t.info for t in with_roles(live_contents(model)).tensors if t.info.collection == "model"]
    file = name, generation, kind
    if file in FORGOTTEN:
        stored = stored_names(paths[name])
        assert not [one for one in UNSAID.get(kind, ()) if one.encode() in stored]
        live = [forgotten(t, FORGOTTEN[file]) for t in live if t.layer not in LOST_LAYERS.get(file, ())]
    if file in NO_NAMES:
        # Of the layers of Keras 2 the numbers alone are stored: the same tensors in one layer, whatever its name.
        assert by_layer(told, named=generation == "keras") == by_layer(map(row, live), named=generation == "keras")
        known = {(t["role"], tuple(t["shape"]), t["trainable"]) for t in told if t["trainable"] is not None}
        assert known <= {(t.role, t.shape, t.trainable) for t in live}
    else:
        assert {t["name"]: t | {"trainable": None} for t in map(only, told)} == {
            t.name: row(t) | {"trainable": None} for t in live
        }
        flags = {t.name: t.trainable for t in live}
        assert all(t["trainable"] in (None, flags[t["name"]]) for t in told)


def stored_names(path: Path) -> bytes:
    """The bytes of a bundle, where all names that its reader can know are; of a SavedModel, those of its variables.

    What else is in ``saved_model.pb`` are the operations of a traced function, which are not read.
    """
    prefix = path / "variables" / "variables" if path.is_dir() else path
    return b"".join(file.read_bytes() for file in sorted(prefix.parent.glob(f"{prefix.name}.*")))


def forgotten(info: TensorInfo, names: dict[str, tuple[str, str]]) -> TensorInfo:
    """A variable as a file calls it that does not know its layer's whole name."""
    for begin, (instead, layer) in names.items():
        if info.name.startswith(begin):
            return replace(info, name=instead + info.name.removeprefix(begin), layer=layer)
    return info


def row(info: TensorInfo) -> dict[str, Any]:
    """A variable of the live model as ``inspect --json`` tells those of files."""
    return {field: list(value) if field == "shape" else value for field in FIELDS for value in [getattr(info, field)]}


def only(told: dict[str, Any]) -> dict[str, Any]:
    """What is compared."""
    return {field: told[field] for field in FIELDS}


def by_layer(rows: Iterable[dict[str, Any]], *, named: bool) -> list[Any]:
    """Role, shape and type of the tensors of every layer."""
    layers: dict[str, list[Any]] = {}
    for one in rows:
        layers.setdefault(one["layer"], []).append((one["role"], one["shape"], one["dtype"]))
    return sorted((layer if named else "", sorted(tensors)) for layer, tensors in layers.items())
