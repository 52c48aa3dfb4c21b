"""One folder in which everything happens that a report can show, and the arrays that it was written from.

Everything is fixed: values, names, steps, times of change. Nothing needs TensorFlow.

- ``main``: nine checkpoints of one model in which something goes wrong, and one that is cut short.
- ``net``: three of Keras, with an optimizer; layers are numbered on in the second, one is missing in the third.
- ``runs``: two runs of one model; the first checkpoint of one is rotated away after an earlier report.
- ``wide``: a matrix too large for all its singular values. ``words``: an entry that is no number. ``late``: a file
  that is gone when its readiness for deployment is to be measured.
- what is no checkpoint, and a pointer of Git LFS; beside the folder a baseline and reviewed findings.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from reporter import pipeline
from reporter.cache import store
from reporter.gather import all_series
from reporter.gather.last_checkpoint import with_deployment
from reporter.model.comparison import Comparison
from reporter.model.report import Report
from reporter.sections import shown
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make import keras_archive
from tests.make.drawing import completed
from tests.make.keras_archive import Layer
from tests.make.safetensors import safetensors

Array = npt.NDArray[Any]
Arrays = dict[str, Array]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class _Then(datetime):
    """A clock that has stopped."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        """The time of the report."""
        return NOW


MODIFIED = 1_760_000_000
"""Seconds since 1970 at which the first file was changed; each next one a minute later."""

STEPS = (100, 200, 300, 400, 600, 800, 1000, 1200, 1500)
BASELINE = "start.safetensors"

ACCEPTED = """
[[accept]]
rule = "constant"
tensor = "*"
reason = "a table that is filled after training"
until = 2027-01-31

[[accept]]
rule = "norm-jump"
tensor = "encoder.*"
reason = "looked at last year"
until = 2025-12-31

[[accept]]
rule = "vanished"
tensor = "nowhere.*"
reason = "a model that is gone"
until = 2027-01-31
"""


@dataclass(frozen=True)
class Rich:
    """A report and what it was made of.

    Attributes:
        folder: the files as they are after the report was made.
        arrays: name of a checkpoint -> name of a tensor -> its values as stored, in the order of the report.
        baseline: those of the checkpoint that all others are held against.
        published: the folder of the report.
    """

    folder: Path
    report: Report
    arrays: Mapping[str, Arrays]
    baseline: Arrays
    published: Path


def build(folder: Path) -> Rich:
    """Write the files below a folder that does not exist yet, and report on them twice, before and after a rotation."""
    ckpts, cache = folder / "ckpts", folder / "cache"
    arrays = {**_main(), **_net(), **_runs(), **_others()}
    baseline = _start()
    times = iter(range(MODIFIED, MODIFIED + 60 * 1000, 60))

    def save(name: str, write: Callable[[Path], None]) -> None:
        path = ckpts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
        os.utime(path, ns=(at := next(times) * 10**9 + 1, at))

    for name in ("runs/a/r-1.npz", "runs/a/r-2.npz"):
        save(name, _writer(name, arrays[name]))
    settings = Settings(
        roots=(ckpts,),
        out=folder / "out",
        title="A rich report",
        pdf=False,
        settle=0.0,
        cache=cache,
        spectral=True,
        baseline=ckpts.parent / BASELINE,
        accept=ckpts.parent / "accept.toml",
        rules={"sparsity-jump": {"threshold": 0.06}},
    )
    safetensors(folder / BASELINE, baseline)
    os.utime(folder / BASELINE, ns=(MODIFIED * 10**9 + 1, MODIFIED * 10**9 + 1))
    (folder / "accept.toml").write_text(ACCEPTED)
    with patch.object(store, "datetime", _Then):  # on this day were they measured that are rotated away later
        pipeline.run(settings, Progress(quiet=True), now=NOW)
    (ckpts / "runs/a/r-1.npz").unlink()
    for name, held in arrays.items():
        if name not in ("runs/a/r-1.npz", "runs/a/r-2.npz"):
            save(name, _writer(name, held))
    cut = (ckpts / f"main/m-{STEPS[-1]}.safetensors").read_bytes()[:-10]
    save("main/m-1600.safetensors", lambda path: _write(path, cut))
    save("main/notes.txt", lambda path: _write(path, b"remember the milk"))
    save("main/weights.pt", lambda path: _write(path, pickle.dumps({"a": 1}, 2)))
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    save("main/pointer.safetensors", lambda path: _write(path, pointer))
    with ExitStack() as stack:
        for name, limit in (("PAGES", 14), ("RECORD_TENSORS", 120), ("CSV_TENSORS", 130)):
            stack.enter_context(patch.object(shown, name, limit))
        stack.enter_context(patch.object(all_series, "with_deployment", _late))
        outcome = pipeline.run(settings, Progress(quiet=True), now=NOW)
    return Rich(ckpts, completed(outcome.report), arrays, baseline, outcome.folder)


def _late(series: Comparison, *arguments: Any) -> Comparison:
    """Measure readiness for deployment; a rotation deletes one checkpoint just before."""
    if series.name == "late/x":
        series.refs[-1].path.unlink()
    return with_deployment(series, *arguments)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _writer(name: str, arrays: Arrays) -> Callable[[Path], None]:
    if name.endswith(".safetensors"):
        return lambda path: safetensors(path, arrays)
    if name.endswith(".npz"):
        return lambda path: np.savez(path, allow_pickle=False, **(arrays | (WORDS if "words" in name else {})))
    return lambda path: _keras(path, arrays)


WORDS = {"vocabulary": np.array(["a", "bc", "def"])}
"""No numbers: skipped, with a reason."""


def _drawn(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _start() -> Arrays:
    """The weights that training of ``main`` started from."""
    rng = _drawn(1)
    quantised = rng.integers(-20, 21, (72, 16)) / 64.0
    quantised[:, 5] = 2 * quantised[:, 4]  # repeats another output
    quantised[:, 7] *= 1 / 64  # coarse under the scale of all
    head = rng.normal(0, 1, (16, 8)) * np.array([1, 1, 1, 1, 1, 1, 40, 1e-3])
    return {
        "encoder.kernel": rng.normal(0, 0.1, (60, 56)).astype("f4"),
        "encoder.bias": np.zeros(56, "f4"),
        "norm.gamma": rng.normal(1, 0.1, 56).astype("f4"),
        "conv.kernel": rng.normal(0, 0.2, (3, 3, 8, 12)).astype("f4"),
        "quant.kernel": quantised.astype("f4"),
        "head.kernel": head.astype("f4"),
        "half.kernel": rng.normal(0, 1, (12, 10)).astype("f2"),
        "still.kernel": rng.normal(0, 1, (20, 10)).astype("f4"),
        "flat.kernel": np.full((6, 5), 0.25, "f4"),
    }


def _main() -> dict[str, Arrays]:
    """Slow drift; a jump of norm and sign at step 800; sparsity, infinities and NaN at the end; tensors come and go."""
    found: dict[str, Arrays] = {}
    start = _start()
    for place, step in enumerate(STEPS):
        rng, now = _drawn(2, step), {name: values.copy() for name, values in start.items()}
        scale = -2.5 if step >= 800 else 1.0
        kernel = start["encoder.kernel"] * scale + 1e-4 * step * rng.normal(0, 0.1, (60, 56))
        now["encoder.kernel"] = kernel.astype("f4")
        now["encoder.bias"] = np.linspace(-1e-4, 2e-4, 56, dtype="f4") * np.float32(step)
        now["norm.gamma"] = (start["norm.gamma"] * (1 + 1e-4 * step)).astype("f4")
        now["conv.kernel"] = (start["conv.kernel"] + 1e-5 * step * rng.normal(0, 1, (3, 3, 8, 12))).astype("f4")
        now["head.kernel"] = (start["head.kernel"] + 1e-4 * step * rng.normal(0, 1, (16, 8))).astype("f4")
        now["half.kernel"] = (start["half.kernel"] + 1e-3 * place).astype("f2")
        if step >= 1000:
            now["conv.kernel"][np.abs(now["conv.kernel"]) < 0.13] = 0.0
        if step >= 1200:
            now["norm.gamma"][3:6] = 1e-4
            now["encoder.bias"][[4, 9]] = np.nan, np.inf
        if step == 1500:
            now["encoder.bias"][11] = -np.inf
            now["encoder.kernel"][:, 7] = 0
            now["head.kernel"][0, 0], now["head.kernel"][1, :3] = 70000.0, 1e-9
            now["still.kernel"][2, 2] = np.nan
        now["shape.bias"] = np.ones(4 if step < 300 else 5, "f4") * np.float32(step)
        if step < 600:
            now["old.bias"] = np.full(3, step, "f4")
        if step >= 400:
            now["extra.bias"] = np.arange(3, dtype="f4") + np.float32(step)
        found[f"main/m-{step}.safetensors"] = now
    return found


def _net() -> dict[str, Arrays]:
    """A model of Keras after three epochs; Adam's state beside it."""
    found = {}
    for epoch in (1, 2, 3):
        rng = _drawn(3, epoch)
        values: Arrays = {
            "dense/kernel": (_drawn(3).normal(0, 1, (12, 8)) + 0.01 * epoch * rng.normal(0, 1, (12, 8))).astype("f4"),
            "dense/bias": np.linspace(0, 0.1 * epoch, 8, dtype="f4"),
            "norm/gamma": np.linspace(0.5, 1.5, 8, dtype="f4"),
            "norm/beta": np.linspace(-0.1 * epoch, 0.1, 8, dtype="f4"),
            "norm/moving_mean": rng.normal(0, 1, 8).astype("f4"),
            "norm/moving_variance": (1 + rng.random(8)).astype("f4"),
            "head/kernel": (_drawn(4).normal(0, 1, (8, 3)) * (1 + 0.02 * epoch)).astype("f4"),
            "head/bias": rng.normal(0, 1, 3).astype("f4"),
        }
        if epoch == 3:
            del values["head/kernel"], values["head/bias"]
        trained = [n for n in values if n.split("/")[1] in ("kernel", "bias")]
        state: Arrays = {"iterations": np.array(50 * epoch, "i8"), "learning_rate": np.array(0.001, "f4")}
        for name in trained:
            state[f"{name}/momentum"] = (1e-3 * rng.normal(0, 1, values[name].shape)).astype("f4")
            state[f"{name}/velocity"] = (1e-6 * rng.random(values[name].shape)).astype("f4")
        number = (1, 3, 2)[epoch - 1]  # names are in another order than the steps inside: a caution
        found[f"net/epoch-{number}.keras"] = values | {f"optimizer/{n}": v for n, v in state.items()}
    return found


def _keras(path: Path, arrays: Arrays) -> None:
    epoch = int(arrays["optimizer/iterations"]) // 50
    held = {
        layer: [v for n, v in arrays.items() if n.split("/")[0] == layer] or None for layer in ("dense", "norm", "head")
    }
    suffix = f"_{epoch}" if epoch == 2 else ""  # a second model of one process
    layers = [
        Layer("Dense", f"dense{suffix}", held["dense"]),
        Layer("BatchNormalization", "norm", held["norm"], trainable=False),
        Layer("Dense", "head", held["head"]),
    ]
    slots = [v for n, v in arrays.items() if n.endswith(("/momentum", "/velocity"))]
    keras_archive.write(path, layers, slots, iterations=50 * epoch)


def _runs() -> dict[str, Arrays]:
    found = {}
    for seed, name, steps in ((0, "a", (1, 2, 3)), (1, "b", (1, 2))):
        for step in steps:
            start, rng = _drawn(5).normal(0, 1, (50, 40)), _drawn(5, seed, step)
            found[f"runs/{name}/r-{step}.npz"] = {
                "dense/kernel": (start + 0.03 * step * rng.normal(0, 1, (50, 40))).astype("f4"),
                "dense/bias": np.full(40, 0.01 * step * (1 + seed), "f4"),
            }
    return found


def _others() -> dict[str, Arrays]:
    rng = _drawn(6)
    far = {name: rng.normal(0, 1, (5000, 2)).astype("f4") for name in ("rough/kernel", "tail/kernel")}
    far["rough/kernel"][0], far["tail/kernel"][0] = 40.0, 250.0  # far from the rest: too few levels of int8 are left
    return {
        "wide/w.npz": {"dense/kernel": rng.normal(0, 1, (1030, 1026)).astype("f2"), **far},
        "words/lookup.npz": {
            "table/embedding": rng.normal(0, 1, (30, 8)).astype("f4"),
            "table/hashes": np.array([2**60, 3, -7], "i8"),  # more than float64 holds exactly
        },
        "late/x.npz": {"dense/kernel": rng.normal(0, 1, (9, 7)).astype("f4")},
    }
