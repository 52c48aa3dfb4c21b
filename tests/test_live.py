"""Beside a real training run: one process saves in a loop in every way, another scans and reports again and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reporter.cli import main
from tests.make.blank import undrawn

ROOT = Path(__file__).resolve().parent.parent

ROUNDS = int(os.environ.get("CKPT_FAULTS_LIVE", "12"))
"""``make faults`` makes it 100: the more, the likelier one meets a save at a moment that none met before."""

REPORT_EVERY = 4

HONEST = {"found", "measured", "not a checkpoint", "in progress", "rotated away"}
"""What may be said of a file of a trainer that is well and busy."""

TRAINER = """
import os, sys, time, warnings
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
warnings.simplefilter("ignore")
import logging
logging.disable()
from pathlib import Path
import numpy as np, tensorflow as tf, keras

folder, stop = Path(sys.argv[1]), Path(sys.argv[2])
inputs = keras.Input((64,))
x = keras.layers.Dense(256, name="a")(inputs)
model = keras.Model(inputs, keras.layers.Dense(128, name="b")(x))
model.compile("adam", "mse")
checkpoint = tf.train.Checkpoint(model=model)
manager = tf.train.CheckpointManager(checkpoint, str(folder / "tf"), max_to_keep=3)
n = 0
while not stop.exists():
    n += 1
    # Every value is the number of the save: whatever mixes two saves is no constant any more.
    for variable in model.weights:
        variable.assign(np.full(variable.shape, n, "f4"))
    model.optimizer.iterations.assign(n)
    manager.save(checkpoint_number=n)
    model.save(folder / "keras" / "current.keras")
    model.save_weights(folder / "weights" / "current.weights.h5")
    model.save(folder / "legacy" / "current.h5")
    for path in (folder / "keras" / f"epoch_{n}.keras", folder / "weights" / f"epoch_{n}.weights.h5"):
        (model.save if path.suffix == ".keras" else model.save_weights)(path)
        old = path.with_name(path.name.replace(str(n), str(n - 3)))
        old.unlink(missing_ok=True)
    (folder / "saves").write_text(str(n))
for path in (folder / "keras" / "current.keras", folder / "legacy" / "current.h5"):
    again = keras.models.load_model(path, compile=False)
    assert all((np.asarray(w) == n).all() for w in again.weights), path
model.load_weights(folder / "weights" / "current.weights.h5")
status = tf.train.Checkpoint(model=model).restore(tf.train.latest_checkpoint(str(folder / "tf")))
status.assert_existing_objects_matched()
print(n)
"""


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


def test_a_trainer_is_never_disturbed_and_every_report_is_honest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    undrawn(monkeypatch)  # while a report is drawn the trainer only trains
    folder, stop, out = tmp_path / "ckpts", tmp_path / "stop", tmp_path / "out"
    for name in ("tf", "keras", "weights", "legacy"):
        (folder / name).mkdir(parents=True)
    errors = (tmp_path / "trainer.log").open("w+")
    trainer = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(folder), str(stop)], stdout=subprocess.PIPE, stderr=errors, text=True
    )
    try:
        while not (folder / "saves").exists():
            assert trainer.poll() is None, (tmp_path / "trainer.log").read_text()
            time.sleep(0.1)
        states: set[str] = set()
        for n in range(ROUNDS):
            if n % REPORT_EVERY == REPORT_EVERY - 1:
                code = main(["report", str(folder), "-o", str(out), "--no-pdf", "-q"])
                record = json.loads((out / "latest" / "report.json").read_bytes())
                constants(record)
                files = record["files"]
                wrong = [f for f in files if f["state"] not in HONEST]
                assert code in (0, 3), wrong
            else:
                assert main(["scan", str(folder), "--json"]) == 0
                files = json.loads(capsys.readouterr().out)["files"]
            capsys.readouterr()
            states |= {f["state"] for f in files}
            assert states <= HONEST, [f for f in files if f["state"] not in HONEST]
            assert all("defect" not in f["reason"] for f in files)
            assert {f["path"].split("/")[0] for f in files} >= {"tf", "keras", "weights", "legacy"}
        assert {"found", "measured"} <= states
    finally:
        stop.touch()
        try:
            said, _ = trainer.communicate(timeout=60)
        finally:
            trainer.kill()
            errors.close()
    assert trainer.returncode == 0, (tmp_path / "trainer.log").read_text()[-3000:]
    assert int(said) > 5, "the trainer hardly saved anything: nothing was tested"
    assert os.listdir(folder / "tf")  # noqa: PTH208
