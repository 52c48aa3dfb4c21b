"""Folders as people leave them: mixed runs, repeated saves, names that say one thing and contents that say another."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from reporter.cli import main
from reporter.gather.catalog import scan
from reporter.model.checkpoint import Series
from reporter.settings.model import Settings


def save(path: Path, seed: int = 0, units: int = 4, layers: int = 3) -> None:
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({f"dense_{i}.kernel": rng.normal(size=(5, units)).astype("f4") for i in range(layers)}, path)


def series(folder: Path) -> dict[str, Series]:
    return {s.name: s for s in scan(Settings(roots=(folder,), settle=0.0)).series}


def steps(one: Series) -> list[int | None]:
    return [ref.step.value for ref in one.checkpoints]


def report(folder: Path, *flags: str) -> dict[str, Any]:
    out = folder.parent / "out"
    main(["report", str(folder), "-o", str(out), "--no-pdf", "--settle", "0", "-q", *flags])
    return dict(json.loads((out / "latest" / "report.json").read_bytes()))


def test_missing_epochs_keep_their_true_places(tmp_path: Path) -> None:
    for epoch in (1, 2, 3, 7, 20):
        save(tmp_path / "ckpts" / f"epoch_{epoch}.safetensors", epoch)
    record = report(tmp_path / "ckpts")
    (one,) = record["series"]
    assert [c["step"] for c in one["checkpoints"]] == [1, 2, 3, 7, 20]
    assert one["notes"] == []


def test_two_runs_side_by_side_are_two_series(tmp_path: Path) -> None:
    for run in (1, 2):
        for epoch in (3, 4, 5):
            save(tmp_path / f"run{run}_e{epoch}.safetensors", epoch)
    found = series(tmp_path)
    assert {name: steps(s) for name, s in found.items()} == {"run1_e*": [3, 4, 5], "run2_e*": [3, 4, 5]}


def test_two_models_under_names_of_one_pattern_are_split_and_it_is_said(tmp_path: Path) -> None:
    """No structure is said to have changed: these are two models."""
    folder = tmp_path / "ckpts"
    for epoch in range(1, 7):
        save(folder / f"m-{epoch}.safetensors", epoch, units=4 if epoch % 2 else 9)
    found = series(folder)
    assert {name: steps(s) for name, s in found.items()} == {"m-* [model 1]": [1, 3, 5], "m-* [model 2]": [2, 4, 6]}
    assert all("2 different models" in s.notes[0] for s in found.values())
    record = report(folder)
    assert not [f for f in record["findings"] if f["rule"] == "structure"]
    assert all("2 different models" in s["notes"][0] for s in record["series"])
    assert "2 different models" in (tmp_path / "out" / "latest" / "index.html").read_text()


def test_a_model_that_lost_some_tensors_or_got_a_new_head_is_still_one_series(tmp_path: Path) -> None:
    """That is a finding, not another model."""
    folder = tmp_path / "ckpts"
    for epoch, layers in ((1, 6), (2, 6), (3, 5), (4, 3)):
        save(folder / f"m-{epoch}.safetensors", epoch, layers=layers)
    record = report(folder)
    assert [len(s["checkpoints"]) for s in record["series"]] == [4]
    (found,) = [f for f in record["findings"] if f["rule"] == "shrunken"]
    assert found["checkpoints"] == ["m-3.safetensors", "m-4.safetensors"]
    assert found["first_bad"] == "m-3.safetensors"
    assert found["last_good"] == "m-2.safetensors"


def test_padded_and_unpadded_numbers_are_one_order(tmp_path: Path) -> None:
    for name in ("m-1", "m-02", "m-3", "m-010", "m-11", "m-100"):
        save(tmp_path / f"{name}.safetensors")
    (one,) = series(tmp_path).values()
    assert steps(one) == [1, 2, 3, 10, 11, 100]


def test_one_number_twice_is_said(tmp_path: Path) -> None:
    for name in ("m-1", "m-01", "m-2"):
        save(tmp_path / f"{name}.safetensors")
    (one,) = series(tmp_path).values()
    assert steps(one) == [1, 1, 2]
    assert "same number (1)" in one.notes[0]


def test_a_final_save_that_repeats_the_last_epoch_is_no_step_of_the_trend(tmp_path: Path) -> None:
    folder = tmp_path / "ckpts"
    for epoch in range(8, 11):
        save(folder / f"epoch_{epoch}.safetensors", epoch)
    save(folder / "final.safetensors", 10)
    save(folder / "best.safetensors", 9)
    save(folder / "latest.safetensors", 11)
    record = report(folder)
    notes = {s["name"]: s["notes"] for s in record["series"]}
    assert {s["name"]: len(s["checkpoints"]) for s in record["series"]} == {
        "best": 1,
        "epoch_*": 3,
        "final": 1,
        "latest": 1,
    }
    assert "same weights as epoch_10.safetensors" in notes["final"][0]
    assert "same weights as epoch_9.safetensors" in notes["best"][0]
    assert notes["latest"] == notes["epoch_*"] == []


def test_two_formats_of_the_same_epochs_are_two_series_that_know_each_other(keras: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "ckpts"
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for epoch in (1, 2, 3):
            keras.utils.set_random_seed(epoch)
            model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="d")])
            model.save(folder / f"epoch_{epoch}.keras")
            model.save_weights(folder / f"epoch_{epoch}.weights.h5")
    record = report(folder)
    assert [(s["name"], len(s["checkpoints"])) for s in record["series"]] == [
        ("epoch_* (keras)", 3),
        ("epoch_* (keras-weights)", 3),
    ]
    assert "3 of 3 checkpoints hold the same weights" in record["series"][1]["notes"][-1]


def test_the_step_inside_wins_over_the_name_and_it_is_said(tf: ModuleType, tmp_path: Path) -> None:
    """Saved in the order of the steps: the numbers are ranks, or count something else."""
    for number, step in ((2, 100), (3, 200), (1, 300)):
        tf.train.Checkpoint(step=tf.Variable(step, dtype=tf.int64), w=tf.Variable([1.0, number])).write(
            str(tmp_path / f"ckpt-{number}")
        )
        for path in tmp_path.glob(f"ckpt-{number}.*"):
            os.utime(path, (step, step))
    (one,) = series(tmp_path).values()
    assert [(r.name, r.step.value, r.step.source) for r in one.checkpoints] == [
        ("ckpt-2", 100, "in-file"),
        ("ckpt-3", 200, "in-file"),
        ("ckpt-1", 300, "in-file"),
    ]
    assert "another order" in one.notes[0]
    assert one.cautions == one.notes[:1]


def test_equal_steps_inside_leave_the_order_to_the_names_and_it_is_said(tf: ModuleType, tmp_path: Path) -> None:
    for number in (1, 2, 10):
        tf.train.Checkpoint(step=tf.Variable(7, dtype=tf.int64), w=tf.Variable([1.0])).write(
            str(tmp_path / f"ckpt-{number}")
        )
    (one,) = series(tmp_path).values()
    assert steps(one) == [1, 2, 10]
    assert one.ordered_by == "file name"
    assert "only 1 different training step" in one.notes[0]


def test_the_backup_of_backup_and_restore_is_no_part_of_a_trend(keras: ModuleType, tmp_path: Path) -> None:
    """Written by the callback itself, beside the epochs of ModelCheckpoint."""
    folder = tmp_path / "ckpts"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="d")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.compile("adam", "mse", run_eagerly=True)
        backup = keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False, double_checkpoint=True)
        each = keras.callbacks.ModelCheckpoint(str(folder / "epoch_{epoch}.weights.h5"), save_weights_only=True)
        model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=3, verbose=0, callbacks=[backup, each])
    assert (folder / "latest.weights.h5.bkp").exists()
    found = series(folder)
    assert {name: len(s.checkpoints) for name, s in found.items()} == {
        "epoch_*": 3,
        "latest": 1,
        "latest.weights.h5.bkp": 1,
    }
    assert not found["epoch_*"].notes
    assert all("BackupAndRestore" in found[n].notes[0] for n in ("latest", "latest.weights.h5.bkp"))


def test_a_bundle_and_a_folder_of_one_name_are_told_apart(tf: ModuleType, tmp_path: Path) -> None:
    module = tf.Module()
    module.w = tf.Variable([1.0, 2.0])
    tf.saved_model.save(module, str(tmp_path / "m"))
    tf.train.Checkpoint(w=tf.Variable([3.0])).write(str(tmp_path / "m"))
    names = [r.name for s in series(tmp_path).values() for r in s.checkpoints]
    assert sorted(names) == ["m", "m (savedmodel)"]


def test_time_orders_only_what_nothing_else_does(tmp_path: Path) -> None:
    for i, name in enumerate(("a", "b")):
        save(tmp_path / name / "best.safetensors")
        os.utime(tmp_path / name / "best.safetensors", (1000 + i, 1000 + i))
    assert {s.ordered_by for s in series(tmp_path).values()} == {"modification time"}


def test_a_real_series_of_another_persons_run_has_no_notes(shared_data: Path, tmp_path: Path) -> None:
    for path in sorted((shared_data / "series" / "emotion-xception-h5").glob("*.hdf5"))[:6]:
        shutil.copyfile(path, tmp_path / path.name)
    (one,) = series(tmp_path).values()
    assert one.notes == ()
