"""One series in which something goes wrong at the end, one file that is cut, one that is none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from reporter.model.report import Report
from reporter.pipeline import run
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.drawing import completed
from tests.make.safetensors import safetensors

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def build(folder: Path) -> Report:
    """Write the files below a folder that does not exist yet, and report on them."""
    ckpts = folder / "ckpts"
    rng = np.random.default_rng(7)
    kernel, head = rng.standard_normal((12, 8)).astype("f4"), rng.standard_normal((8, 3)).astype("f4")
    for step in (1, 2, 3, 4):
        arrays = {
            "encoder.kernel": kernel * np.float32(1 + 0.01 * step),
            "encoder.bias": np.full(8, 0.125 * step, "f4"),
            "head.kernel": head if step >= 2 else head * np.float32(1.5),
        }
        if step >= 3:
            arrays["encoder.kernel"][:, 2] = 0
        if step == 4:
            arrays["encoder.bias"][1] = np.nan
            del arrays["head.kernel"]
        safetensors(ckpts / f"model-{step}.safetensors", arrays)
    (ckpts / "model-5.safetensors").write_bytes((ckpts / "model-4.safetensors").read_bytes()[:-10])
    (ckpts / "notes.txt").write_text("remember the milk")
    settings = Settings(roots=(ckpts,), out=folder / "out", pdf=False, settle=0.0)
    return completed(run(settings, Progress(quiet=True), now=NOW).report)
