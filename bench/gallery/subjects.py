"""What the gallery reports on: real series of checkpoints, sick runs, and sizes at which pages break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from bench.calibration.files import safetensors
from bench.calibration.nets.common import Transformer
from bench.calibration.run import Run, follow
from bench.calibration.trials import cases, made

SICK = ("nan-after-reshape", "dead-by-bias", "file-of-another")
"""Cases of the calibration: one that fails for good, one whose layer dies slowly, one with a single bad checkpoint."""

MANY, DEEP, LONG, RUNS = 300, 200, 80, 102
"""Checkpoints of a long series, layers of a deep model, characters of each of their names, and series of one folder."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One report of the gallery.

    Attributes:
        name: of its folder.
        title: what it is an example of.
        folder: makes the checkpoints below a folder of its own, where they are not there already, and returns where
            they are.
    """

    name: str
    title: str
    folder: Callable[[Path], Path]


def subjects(data: Path) -> Iterator[Subject]:
    """All of them.

    Args:
        data: folder with ``series``, which holds a folder for each real series, and ``single``, with models of all
            formats. What is missing there is left out.
    """
    real = data / "series"
    for folder in sorted(real.iterdir()) if real.is_dir() else ():
        yield Subject(folder.name, "A real series", partial(_there, folder))
    if (data / "single").is_dir():
        yield Subject("single", "Models of many formats in one folder", partial(_there, data / "single"))
    if (others := data.parent / "reported").is_dir():
        yield Subject("reported", "Many small folders, each with a circumstance of its own", partial(_there, others))
    for name in SICK:
        case = next(case for case in cases() if case.name == name)
        yield Subject(name, case.story[:1].upper() + case.story[1:], partial(made, case))
    yield Subject("many", f"{MANY} checkpoints of a transformer", _many)
    yield Subject("runs", f"{RUNS} trainings of three models, some of which went wrong", _runs)
    yield Subject("deep", f"{DEEP} layers with names of {LONG} characters", _deep)


def _there(folder: Path, _: Path) -> Path:
    return folder


def _many(folder: Path) -> Path:
    if not folder.exists():
        folder.mkdir(parents=True)
        follow(Run(Transformer(seed=0)), folder, safetensors, gaps=(2,) * MANY)
    return folder


def _deep(folder: Path) -> Path:
    """Checkpoints in which all layers move a little, and one of them is lost at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    weights = {f"{_long(i)}/kernel": rng.normal(0, 0.05, (24, 24)) for i in range(DEEP)}
    for step in range(100, 700, 100):
        for name in weights:
            weights[name] = weights[name] + rng.normal(0, 0.002, (24, 24))
        if step == 600:
            weights[f"{_long(150)}/kernel"][3, 4] = np.nan
        save_file({name: w.astype("f4") for name, w in weights.items()}, folder / f"model-{step}.safetensors")
    return folder


def _runs(folder: Path) -> Path:
    """Of every seventeenth training a weight is lost in the end, and of every twentieth one a layer stands still."""
    for run in range(RUNS):
        below = folder / ("resnet", "vit", "mlp")[run % 3] / f"lr-{10 ** -(1 + run % 4):g}" / f"seed-{run:03}"
        below.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(run)
        weights = {f"block_{i}/kernel": rng.normal(0, 0.05, (16, 12 + 4 * (run % 3))) for i in range(5)}
        for step in range(1, 6):
            for name in weights:
                still = run % 20 == 7 and step > 2 and name == "block_2/kernel"
                weights[name] = weights[name] + (0 if still else rng.normal(0, 0.002, weights[name].shape))
            if run % 17 == 3 and step > 3:
                weights["block_3/kernel"][1, 2] = np.nan
            save_file({name: w.astype("f4") for name, w in weights.items()}, below / f"model-{100 * step}.safetensors")
    return folder


def _long(layer: int) -> str:
    """The name of a layer, which differs from others in the middle."""
    name = f"encoder_with_relative_positions/block_{layer // 4:03}/"
    name += ("attention_query", "attention_value", "mlp_wide", "mlp_narrow")[layer % 4]
    return name + "_projection_of_everything_that_is_known"[: LONG - len(name)].ljust(LONG - len(name), "_")
