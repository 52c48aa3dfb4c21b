"""SavedModels: names and classes from their own description, every variable once."""

from __future__ import annotations

import shutil
import tracemalloc
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.errors import CheckpointError, CorruptCheckpoint, NotDownloaded, PartialCheckpoint, RefusedCheckpoint
from reporter.readers.live import live_contents
from reporter.readers.tensorflow import SavedModelReader
from reporter.readers.tensorflow.bundle import read_index
from reporter.readers.tensorflow.savedmodel import read_saved_model

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 10\n"
SERVING = "single/tf-serving/tensorflow_serving/servables/tensorflow/testdata"


def nested(keras: ModuleType) -> Any:
    layers = keras.layers
    inner_inputs, inputs = keras.Input((3,)), keras.Input((5,))
    inner = keras.Model(inner_inputs, layers.Dense(2, name="zz")(layers.Dense(2, name="aa")(inner_inputs)), name="mid")
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(4), layers.BatchNormalization()], name="encoder")
    x = layers.Dropout(0.2)(encoder(inputs))
    x = inner(layers.Dense(3, trainable=False, name="fixed")(x))
    return keras.Model(inputs, layers.Dense(1, name="out")(x))


def same_as_live(found: Any, model: Any) -> None:
    live = {s.info.name: s for s in live_contents(model).tensors if s.info.collection == "model"}
    assert found.names() == list(live)
    for name, source in live.items():
        info = found.info(name)
        assert (info.layer, info.role, info.trainable) == (source.info.layer, source.info.role, source.info.trainable)
        assert np.array_equal(found.tensors[name][1].reshape(-1), np.concatenate(list(source.blocks()))), name


@pytest.fixture(scope="module")
def keras2(tf_keras: ModuleType, workplace: Path) -> tuple[Any, Path]:
    """A Keras 2 model after a step of training, with its metric."""
    tf_keras.backend.clear_session()
    model = nested(tf_keras)
    model.compile(tf_keras.optimizers.Adam(), "mse", metrics=["mae"], run_eagerly=True)
    model.train_on_batch(np.ones((2, 5)), np.ones((2, 1)))
    folder = workplace / "keras2"
    model.save(folder, save_format="tf")
    return model, folder


def test_keras_2(keras2: tuple[Any, Path], read: Any) -> None:
    """Nested models are named by the metadata, although the variables' own names do not say."""
    model, folder = keras2
    found = read(folder)
    same_as_live(found, model)
    kinds = {layer.name: layer.kind for layer in found.contents.layers}
    assert list(kinds) == [
        "input_2",
        "encoder/dense",
        "encoder/batch_normalization",
        "dropout",
        "fixed",
        "mid/input_1",
        "mid/aa",
        "mid/zz",
        "out",
    ]
    assert kinds["encoder/batch_normalization"] == "BatchNormalization"
    assert kinds["dropout"] == "Dropout"
    assert (found.contents.step, found.contents.framework.split(".")[0]) == (1, "TensorFlow 2")
    assert "optimizer/mid/aa/kernel/m" in found.names("optimizer")
    assert found.info("optimizer/mid/aa/kernel/m").layer == "mid/aa"
    assert sorted(found.names("other")) == [f"metrics/{i}/{what}" for i in (0, 1) for what in ("count", "total")]


def test_export_of_keras_3_counts_each_variable_once(
    keras: ModuleType, workplace: Path, read: Any, oracle: Any
) -> None:
    keras.backend.clear_session()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, name="a"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Dense(1),
        ]
    )
    model.layers[0].trainable = False
    folder = workplace / "export"
    model.export(folder, verbose=False)
    found = read(folder)
    same_as_live(found, model)
    entries = read_index(folder / "variables" / "variables.index").entries
    keys = {info.key for info, _ in found.tensors.values()}
    assert len(keys) == 9
    assert {k for k in entries if k.startswith("_all_variables/")} == set(entries) - keys - {
        "_CHECKPOINTABLE_OBJECT_GRAPH"
    }
    assert found.names("other") == ["seed_generator/seed_generator_state"]
    assert found.contents.notes == (
        "8 variables are stored twice, as Model.export of Keras 3 does, and are counted once",
    )


def test_export_of_composite_layers(keras: ModuleType, workplace: Path, read: Any) -> None:
    """An export keeps no objects, only names: the parts of a layer are told by theirs."""
    keras.backend.clear_session()
    layers = keras.layers
    inputs = keras.Input((4, 3))
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(inputs)
    x = layers.GRU(2, return_sequences=True)(layers.MultiHeadAttention(2, 2)(x, x))
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.export(workplace / "composite", verbose=False)
    found = read(workplace / "composite")
    same_as_live(found, model)
    assert found.layers == ["bidirectional", "multi_head_attention", "gru", "dense"]


def test_a_keras_3_model_saved_by_tensorflow(keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    keras.backend.clear_session()
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, name="d"), keras.layers.Dense(1, name="e")])
    tf.saved_model.save(model, str(workplace / "plain"))
    found = read(workplace / "plain")
    same_as_live(found, model)


def test_a_published_model(shared_data: Path, read: Any) -> None:
    found = read(shared_data / "single/basic-pitch-savedmodel")
    assert found.contents.framework == "TensorFlow 2.4.1"
    assert (found.contents.step, len(found.names())) == (17900, 24)
    slots = [name for name in found.names("optimizer") if name.endswith(("/m", "/v"))]
    assert len(slots) == 36
    assert len(found.names("other")) == 8
    kinds = {layer.name: layer.kind for layer in found.contents.layers}
    assert kinds["cq_t2010v2_1"] == "CQT2010v2"
    assert kinds["contours-reduced"] == "Conv2D"
    assert list(kinds)[:2] == ["input_2", "flatten_audio_ch_1"]
    assert len(kinds) == 24
    assert all(found.info(n).trainable is not None for n in found.names())


def test_models_of_tensorflow_serving(shared_data: Path, read: Any) -> None:
    folders = {p.parent for p in (shared_data / "single/tf-serving").rglob("saved_model.pb*")}
    found = {folder: read(folder) for folder in folders}
    without = {str(folder) for folder, one in found.items() if not one.tensors}
    assert {folder.split("/tensorflow_serving/")[1] for folder in without} == {
        "batching/testdata/matrix_half_plus_two/1"
    }
    (notes,) = {one.contents.notes for folder, one in found.items() if str(folder) in without}
    assert "a SavedModel without variables" in notes[-1]
    tf1 = found[shared_data / SERVING / "saved_model_half_plus_two_mkl/00000123"]
    assert tf1.layers == ["conv2d", "conv2d_1", "conv2d_2"]
    tf2 = found[shared_data / SERVING / "saved_model_half_plus_two_tf2_cpu/00000123"]
    assert sorted(tf2.names()) == ["a", "b", "c"]
    assert all(tf2.info(name).trainable for name in "abc")


def test_members_and_links(keras2: tuple[Any, Path], tmp_path: Path, claims: Any) -> None:
    folder = tmp_path / "model"
    shutil.copytree(keras2[1], folder)
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "vocabulary.txt").write_text("a")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (folder / "assets" / "link").symlink_to(outside, target_is_directory=True)
    (claim,) = claims(folder)
    assert (claim.format, claim.path, claim.label, claim.problem) == ("savedmodel", folder, "model", "")
    members = {m.relative_to(folder).as_posix() for m in claim.members}
    assert members >= {"saved_model.pb", "variables/variables.index", "assets/vocabulary.txt", "keras_metadata.pb"}
    assert not any("secret" in m for m in members)


def test_a_limit_of_members(tmp_path: Path, claims: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    (tmp_path / "assets").mkdir()
    for i in range(6):
        (tmp_path / "assets" / f"f{i}").write_bytes(b"")
    monkeypatch.setattr("reporter.readers.tensorflow.savedmodel_reader.MAX_MEMBERS", 4)
    assert len(claims(tmp_path)[0].members) == 4


@pytest.mark.parametrize(
    ("name", "content", "error", "why"),
    [
        ("saved_model.pb", b"", CorruptCheckpoint, "holds 0 graphs"),
        ("saved_model.pb", b"\x08\x01", CorruptCheckpoint, "holds 0 graphs"),
        ("saved_model.pb", b"not a model at all", CorruptCheckpoint, "damaged"),
        ("saved_model.pb", None, PartialCheckpoint, "neither saved_model.pb nor"),
        ("keras_metadata.pb", b"\x0a\xff", CorruptCheckpoint, "damaged"),
        ("variables/variables.index", None, PartialCheckpoint, "index is missing"),
        ("variables/variables.index", LFS, NotDownloaded, "git lfs pull"),
        ("variables/variables.index", b"short", CorruptCheckpoint, "48 bytes"),
        ("variables/variables.data-00000-of-00001", None, PartialCheckpoint, "is missing"),
    ],
)
def test_damage(
    keras2: tuple[Any, Path], tmp_path: Path, name: str, content: bytes | None, error: type[CheckpointError], why: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(keras2[1], folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(error, match=why):
        SavedModelReader().open(folder).__enter__()


@pytest.mark.parametrize(
    ("content", "state", "why"),
    [(b"", "corrupt", "empty"), (b"{}", "corrupt", "not a SavedModel"), (LFS, "not downloaded", "git lfs pull")],
)
def test_problems_seen_at_a_glance(tmp_path: Path, claims: Any, content: bytes, state: str, why: str) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    (claim,) = claims(tmp_path)
    assert claim.state == state
    assert why in claim.problem
    with pytest.raises(CheckpointError) as caught:
        SavedModelReader().open(tmp_path).__enter__()
    assert caught.value.state == state


def test_the_text_form(keras2: tuple[Any, Path], tmp_path: Path, claims: Any, read: Any) -> None:
    folder = tmp_path / "model"
    shutil.copytree(keras2[1], folder)
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pbtxt").write_text("saved_model_schema_version: 1")
    assert claims(folder)[0].problem == ""
    found = read(folder)
    assert len(found.names()) == len(read(keras2[1]).names())
    assert "saved_model.pbtxt" in found.contents.notes[0]


def test_a_huge_graph_is_passed_over(tmp_path: Path, handmade: Any) -> None:
    """Two gigabytes of constants, in a sparse file: neither read nor held."""
    length = 2 << 30
    info = handmade.message((1, handmade.message((5, "2.99"))))
    node = handmade.message((1, "big"), (2, "Const"))

    def head(number: int, size: int) -> Any:
        return handmade.varint(number << 3 | 2) + handmade.varint(size)

    node += head(5, length)  # its value
    graph = head(1, len(node) + length) + node
    meta = info + head(2, len(graph) + length) + graph
    with (tmp_path / "saved_model.pb").open("wb") as file:
        file.write(b"\x08\x01" + head(2, len(meta) + length) + meta)
        file.truncate(file.tell() + length)
    tracemalloc.start()
    with SavedModelReader().open(tmp_path) as contents:
        assert contents.framework == "TensorFlow 2.99"
        assert contents.tensors == ()
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def saved_model(handmade: Any, *fields: tuple[int, bytes]) -> Any:
    return handmade.message((1, 1), (2, handmade.message(*fields)))


def test_variables_that_are_missing(keras2: tuple[Any, Path], tmp_path: Path, handmade: Any, read: Any) -> None:
    """Only a graph without any is one of constants: with a saver, or operations on variables, weights are lost."""
    shutil.copytree(keras2[1], tmp_path / "two")
    shutil.rmtree(tmp_path / "two" / "variables")
    (tmp_path / "two" / "variables").mkdir()
    with pytest.raises(PartialCheckpoint, match="index is missing"):
        read(tmp_path / "two")

    def graph(*ops: str) -> tuple[int, bytes]:
        return 2, handmade.message(*((1, handmade.message((1, f"n{i}"), (2, op))) for i, op in enumerate(ops)))

    saver = 3, handmade.message((1, "save/Const:0"), (2, "save/restore_all"))
    for name, lost, fields in (
        ("constants", False, [graph("Const", "MatMul")]),
        ("saver", True, [graph("Const", "MatMul"), saver]),
        ("ref", True, [graph("Const", "VariableV2")]),
        ("resource", True, [graph("VarHandleOp", "ReadVariableOp")]),
        ("empty saver", False, [graph("Const"), (3, b"")]),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_bytes(saved_model(handmade, *fields))
        if lost:
            with pytest.raises(PartialCheckpoint, match="index is missing"):
                read(tmp_path / name)
        else:
            assert "a SavedModel without variables" in read(tmp_path / name).contents.notes[0]
    text = tmp_path / "text"
    text.mkdir()
    for lost, content in (
        (False, 'node {\n op: "Const"\n}'),
        (True, 'node {\n op: "VariableV2"\n}'),
        (True, "saver_def {"),
    ):
        (text / "saved_model.pbtxt").write_text(content)
        if lost:
            with pytest.raises(PartialCheckpoint, match="index is missing"):
                read(text)
        else:
            assert "without variables" in read(text).contents.notes[-1]


@pytest.mark.parametrize("model", ["saved_model_half_plus_two_cpu", "saved_model_half_plus_two_tf2_cpu"])
def test_published_models_without_their_variables(model: str, shared_data: Path, tmp_path: Path, read: Any) -> None:
    shutil.copy(shared_data / SERVING / model / "00000123" / "saved_model.pb", tmp_path)
    with pytest.raises(PartialCheckpoint, match="index is missing"):
        read(tmp_path)


def test_limits(keras2: tuple[Any, Path], read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "reporter.readers.tensorflow.savedmodel."
    with monkeypatch.context() as patch:
        patch.setattr(module + "MAX_METADATA_BYTES", 100)
        found = read(keras2[1])  # its layers are then named as in any checkpoint
        assert "keras_metadata.pb" in found.contents.notes[0]
        assert found.layers[0] == "dense"
    for name, limit, error in (
        ("MAX_OBJECTS_BYTES", 100, RefusedCheckpoint),
        ("MAX_NODES", 3, CorruptCheckpoint),
        ("MAX_META_GRAPHS", 0, CorruptCheckpoint),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module + name, limit)
            with pytest.raises(error):
                read(keras2[1])


def test_metadata_is_inert(tmp_path: Path, handmade: Any) -> None:
    """Whatever the JSON is, at worst it is no name."""
    texts = ["", "{", "[]", "[" * 5000, '{"name": 5}', '{"name": "<b>", "class_name": ["x"]}', '{"name": ""}']
    objects = b""
    for text in texts:
        user = handmade.message((1, "_tf_keras_layer"), (3, text))
        objects += handmade.message((1, handmade.message((4, user))))
    meta = handmade.message((2, handmade.message((7, objects))))
    (tmp_path / "saved_model.pb").write_bytes(meta)
    model = read_saved_model(tmp_path / "saved_model.pb")
    assert [item.metadata for item in model.objects] == texts
    with SavedModelReader().open(tmp_path) as contents:
        assert contents.tensors == ()
