"""Event files: what TensorFlow and Keras wrote comes back; of what is damaged or growing, all that is whole."""

from __future__ import annotations

import csv
import math
import struct
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.metrics import events, tfrecord
from reporter.metrics.logged import Log, Unit
from tests.make.events import BEGIN, event, field, record, scalars, simple


def read(path: Path) -> Log:
    log = Log()
    events.read(path, log)
    return log


def values(log: Log, name: str = "loss", unit: Unit = Unit.STEP) -> dict[float, float]:
    course = log.courses[name, unit]
    return dict(zip(course.positions, course.values, strict=True))


def written(tmp_path: Path, content: bytes, name: str = "events.out.tfevents.1") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def by_tensorflow(tmp_path_factory: pytest.TempPathFactory, tf: Any) -> Path:
    """Summaries of TensorFlow 1 and 2, of several dtypes, beside what is no scalar."""
    folder = tmp_path_factory.mktemp("events")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        shown = tf.compat.v1.placeholder(tf.float32)
        summary = tf.compat.v1.summary.merge(
            [tf.compat.v1.summary.scalar("loss", shown), tf.compat.v1.summary.histogram("weights", shown)]
        )
        with tf.compat.v1.summary.FileWriter(str(folder / "one"), session.graph) as writer:
            for step in (10, 20, 30):
                writer.add_summary(session.run(summary, {shown: 1 / step}), step)
    two = tf.summary.create_file_writer(str(folder / "two"))
    with two.as_default():
        for step in (10, 20, 30):
            tf.summary.scalar("loss", 1 / step, step)
            tf.summary.histogram("weights", [1.0, 2.0], step)
            tf.summary.text("words", "hello", step)
            tf.summary.image("picture", np.zeros((1, 2, 2, 1)), step)
            for dtype in ("float16", "float64", "int32", "int64", "bfloat16", "uint8"):
                tensor = tf.constant(step, dtype)
                tf.summary.write(f"as {dtype}", tensor, step)
    two.close()
    return folder


@pytest.mark.parametrize("version", ["one", "two"])
def test_what_tensorflow_wrote_comes_back(by_tensorflow: Path, version: str) -> None:
    (path,) = (by_tensorflow / version).iterdir()
    log = read(path)
    assert not log.notes and not log.damage
    assert values(log) == {step: float(np.float32(1 / step)) for step in (10, 20, 30)}
    others = {name for name, _ in log.courses} - {"loss"}
    dtypes = ("float16", "float64", "int32", "int64", "bfloat16", "uint8")
    assert others == ({f"as {dtype}" for dtype in dtypes} if version == "two" else set())
    for name in others:
        assert values(log, name) == {10: 10, 20: 20, 30: 30}


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (field(8, field(1, 1) + field(5, struct.pack("<f", 0.5))), 0.5),
        (field(8, field(1, 1) + b"\x2d" + struct.pack("<f", 0.5)), 0.5),
        (field(8, field(1, 2) + field(6, struct.pack("<d", -0.25))), -0.25),
        (field(8, field(1, 3) + field(7, -7)), -7.0),
        (field(8, field(1, 9) + field(10, b"\x05")), 5.0),
        (field(8, field(1, 19) + field(13, int(np.float16(1.5).view("u2")))), 1.5),
        (field(8, field(1, 14) + field(13, 0x3F80)), 1.0),
        (field(8, field(1, 1) + field(2, field(2, field(1, 1))) + field(4, struct.pack("<f", 2))), 2.0),
        (simple(math.inf), math.inf),
    ],
)
def test_every_form_of_a_scalar(tmp_path: Path, form: bytes, value: float) -> None:
    assert values(read(written(tmp_path, BEGIN + record(event(3, "loss", form))))) == {3: value}


@pytest.mark.parametrize(
    "form",
    [
        field(8, field(1, 7) + field(8, b"text")),
        field(8, field(1, 1) + field(2, field(2, field(1, 3))) + field(4, bytes(12))),
        field(8, field(1, 1) + field(4, bytes(8))),
        field(5, b"a histogram"),
        b"",
    ],
)
def test_what_is_no_scalar_is_no_metric(tmp_path: Path, form: bytes) -> None:
    log = read(written(tmp_path, BEGIN + record(event(3, "loss", form))))
    assert not log.courses and not log.damage


WHOLE = scalars({1: 0.5, 2: 0.25, 3: 0.125})


def test_cut_anywhere_it_gives_what_is_whole(tmp_path: Path) -> None:
    """As a file does to which a trainer is writing: each record appears once all of it is there."""
    ends = [len(BEGIN) + i * (len(WHOLE) - len(BEGIN)) // 3 for i in range(4)]
    for length in range(len(WHOLE) + 1):
        log = read(written(tmp_path, WHOLE[:length]))
        whole = sum(end <= length for end in ends) - 1
        assert sum(len(c.values) for c in log.courses.values()) == max(0, whole)
        assert not log.damage
        assert bool(log.notes) == (length not in (0, *ends)), length


def test_flipped_anywhere_it_gives_only_what_is_right_and_says_so(tmp_path: Path) -> None:
    right = {1: 0.5, 2: 0.25, 3: 0.125}
    for at in range(len(WHOLE)):
        broken = bytearray(WHOLE)
        broken[at] ^= 0x10
        log = read(written(tmp_path, bytes(broken)))
        found = values(log) if log.courses else {}
        assert found.items() <= right.items()
        assert log.damage or log.notes, at


def test_what_follows_a_damaged_record_is_read(tmp_path: Path) -> None:
    broken = bytearray(WHOLE)
    broken[len(BEGIN) + 20] ^= 1
    log = read(written(tmp_path, bytes(broken)))
    assert values(log) == {2: 0.25, 3: 0.125}
    assert log.damage == ["events.out.tfevents.1: 1 records are left out, as their checksums are wrong"]


@given(st.binary(max_size=80))
def test_any_bytes_behind_right_checksums_are_no_error(data: bytes) -> None:
    for tag, value in events._event(data)[0] if _walks(data) else ():
        assert isinstance(tag, str) and isinstance(value, float)


def _walks(data: bytes) -> bool:
    try:
        events._event(data)
    except events.WireError:
        return False
    return True


def test_large_records_are_stepped_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "MAX_RECORD", 100)
    content = BEGIN + record(event(1, "picture", field(4, bytes(5000)))) + record(event(2, "loss", simple(0.5)))
    log = read(written(tmp_path, content))
    assert values(log) == {2: 0.5} and not log.damage


def test_no_more_records_than_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "MAX_RECORDS", 3)
    log = read(written(tmp_path, WHOLE))
    assert values(log) == {1: 0.5, 2: 0.25}
    assert log.notes == ["events.out.tfevents.1: only its first 3 records are read"]


def test_a_length_that_lies_takes_no_memory(tmp_path: Path) -> None:
    length = struct.pack("<Q", 1 << 60)
    content = BEGIN + length + record(length)[8 + 4 + 8 :] + b"rest"
    assert sys.getsizeof(content) < 1000
    log = read(written(tmp_path, content))
    assert not log.courses and log.notes and not log.damage


def test_a_resumed_training_replaces_what_it_logs_again(tmp_path: Path) -> None:
    log = Log()
    events.read(written(tmp_path, scalars({1: 1.0, 2: 2.0, 3: 3.0}), "events.out.tfevents.1"), log)
    events.read(written(tmp_path, scalars({2: 20.0, 5: 50.0}), "events.out.tfevents.2"), log)
    assert values(log) == {1: 1.0, 2: 20.0, 5: 50.0}
    assert any("more than once" in note for note in log.remarks())


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("层/损失 🔥", "层/损失 🔥"),
        ("loss\n\x1b[31m\x00", "loss\\n\\x1b[31m\\x00"),
        ("\u202ereversed", "\\u202ereversed"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("", "(no name)"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_names_are_safe_to_print(tmp_path: Path, tag: str | bytes, shown: str) -> None:
    assert list(read(written(tmp_path, BEGIN + record(event(1, tag, simple(1.0))))).courses) == [(shown, Unit.STEP)]


def test_a_name_of_a_megabyte_is_short(tmp_path: Path) -> None:
    ((name, _),) = read(written(tmp_path, BEGIN + record(event(1, "x" * 1_000_000, simple(1.0))))).courses
    assert len(name) <= 120


@pytest.fixture(scope="module")
def by_keras(tmp_path_factory: pytest.TempPathFactory, keras: Any) -> Path:
    """A training of three epochs of four steps, logged by TensorBoard's callback and by CSVLogger."""
    folder = tmp_path_factory.mktemp("keras")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.random.default_rng(0).random((64, 4))
    logged = [keras.callbacks.TensorBoard(folder / "logs"), keras.callbacks.CSVLogger(folder / "training.log")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Keras under numpy 2
        model.fit(x, x.sum(1), 16, 3, verbose=0, validation_data=(x, x.sum(1)), callbacks=logged)
    return folder


def test_what_the_callbacks_of_keras_wrote(by_keras: Path) -> None:
    with (by_keras / "training.log").open() as file:
        rows = list(csv.DictReader(file))
    logs = {path.parent.name: read(path) for path in (by_keras / "logs").rglob("events*")}
    for name, log in (("loss", "train"), ("val_loss", "validation"), ("mae", "train")):
        expected = {epoch + 1: pytest.approx(float(row[name]), rel=1e-6) for epoch, row in enumerate(rows)}
        assert values(logs[log], name, Unit.EPOCH) == expected
    assert list(values(logs["validation"], "val_loss")) == [4, 8, 12]
