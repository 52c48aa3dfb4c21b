"""Beside a real training run: one process saves in a loop in every way, another scans and reports again and again.

The trainer is this process, in which TensorFlow is loaded already; what reports is a child that never loads it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.cli import main
from tests.make.blank import undrawn

ROOT = Path(__file__).resolve().parent.parent

ROUNDS = int(os.environ.get("CKPT_FAULTS_LIVE", "12"))
"""``make faults`` makes it 100: the more, the likelier one meets a save at a moment that none met before."""

REPORT_EVERY = 4

HONEST = {"found", "measured", "not a checkpoint", "in progress", "rotated away"}
"""What may be said of a file of a trainer that is well and busy."""

KINDS = ("tf", "keras", "weights", "legacy")
"""Folders, each with what is saved in one way."""


def saves(keras: ModuleType, tf: ModuleType, folder: Path) -> Iterator[int]:
    """A training that saves in every way, as often as the next number is asked for; at the end all can be loaded.

    Every value is the number of the save: whatever mixes two saves is no constant any more.
    """
    inputs = keras.Input((64,))
    x = keras.layers.Dense(256, name="a")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(128, name="b")(x))
    model.compile("adam", "mse")
    checkpoint = tf.train.Checkpoint(model=model)
    manager = tf.train.CheckpointManager(checkpoint, str(folder / "tf"), max_to_keep=3)
    n = 0
    try:
        while True:
            n += 1
            for variable in model.weights:
                variable.assign(np.full(variable.shape, n, "f4"))
            model.optimizer.iterations.assign(n)
            manager.save(checkpoint_number=n)
            model.save(folder / "keras" / "current.keras")
            model.save_weights(folder / "weights" / "current.weights.h5")
            model.save(folder / "legacy" / "current.h5")
            for path in (folder / "keras" / f"epoch_{n}.keras", folder / "weights" / f"epoch_{n}.weights.h5"):
                (model.save if path.suffix == ".keras" else model.save_weights)(path)
                path.with_name(path.name.replace(str(n), str(n - 3))).unlink(missing_ok=True)
            yield n
    finally:
        for path in (folder / "keras" / "current.keras", folder / "legacy" / "current.h5"):
            again = keras.models.load_model(path, compile=False)
            assert all((np.asarray(w) == n).all() for w in again.weights), path
        model.load_weights(folder / "weights" / "current.weights.h5")
        status = tf.train.Checkpoint(model=model).restore(tf.train.latest_checkpoint(str(folder / "tf")))
        status.assert_existing_objects_matched()


def constants(record: dict[str, Any]) -> None:
    """Every measured model tensor holds the one value that its checkpoint was saved with."""
    for series in record["series"]:
        for checkpoint in series["checkpoints"]:
            seen = {
                (s["min"], s["max"])
                for t in checkpoint["tensors"]
                if t["collection"] == "model"
                for s in [t["statistics"]]
            }
            assert len(seen) == 1, (checkpoint["name"], seen)
            ((low, high),) = seen
            assert low == high
            if checkpoint["step"] is not None and checkpoint["step_source"] == "in-file":
                assert low == checkpoint["step"], checkpoint["name"]


def look(folder: Path, out: Path) -> None:
    """Scan and report again and again: what a child process does."""
    states: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        undrawn(patch)  # while a report is drawn the trainer only trains
        for n in range(ROUNDS):
            if n % REPORT_EVERY == REPORT_EVERY - 1:
                code = main(["report", str(folder), "-o", str(out), "--no-pdf", "-q"])
                record = json.loads((out / "latest" / "report.json").read_bytes())
                constants(record)
                files = record["files"]
                wrong = [f for f in files if f["state"] not in HONEST]
                assert code in (0, 3), wrong
            else:
                with contextlib.redirect_stdout(io.StringIO()) as told:
                    assert main(["scan", str(folder), "--json"]) == 0
                files = json.loads(told.getvalue())["files"]
            states |= {f["state"] for f in files}
            assert states <= HONEST, [f for f in files if f["state"] not in HONEST]
            assert all("defect" not in f["reason"] for f in files)
            assert {f["path"].split("/")[0] for f in files} >= set(KINDS)
    assert {"found", "measured"} <= states


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's own, while it saves
def test_a_trainer_is_never_disturbed_and_every_report_is_honest(
    keras: ModuleType, tf: ModuleType, tmp_path: Path
) -> None:
    folder, out = tmp_path / "ckpts", tmp_path / "out"
    for name in KINDS:
        (folder / name).mkdir(parents=True)
    command = f"from tests.test_live import *; look(Path({str(folder)!r}), Path({str(out)!r}))"
    with warnings.catch_warnings(), contextlib.closing(saves(keras, tf, folder)) as trainer:
        warnings.simplefilter("ignore")
        count = next(trainer)
        with (tmp_path / "said").open("w+") as said:
            reporter = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, stdout=said, stderr=said)
            until = time.monotonic() + 300
            try:
                while reporter.poll() is None:
                    assert time.monotonic() < until, "the reports take for ever"
                    count = next(trainer)
            finally:
                reporter.kill()
                reporter.wait()
    assert reporter.returncode == 0, (tmp_path / "said").read_text()[-3000:]
    assert count > 5, "the trainer hardly saved anything: nothing was tested"
    assert os.listdir(folder / "tf")  # noqa: PTH208
