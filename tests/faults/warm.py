"""A small report, again and again in one process that has loaded everything: what a fault leaves of it.

Each run ends in one of: a report with an honest row, or the last report and one clear line.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from safetensors.numpy import save_file

from reporter.cli import main

HONEST = frozenset({0, 3, 4})
"""Exit codes of a run that has published."""

STOPPED = frozenset({1, 75})
"""Exit codes of a run that has not, and says why."""


def checkpoints(folder: Path) -> Path:
    """Sound ones of three formats, so that whoever is called damaged is called so wrongly."""
    folder.mkdir(parents=True)
    for step in (1, 2):
        values = np.random.default_rng(step).standard_normal((8, 6)).astype("f4")
        save_file({"dense.kernel": values}, folder / f"m-{step}.safetensors")
        np.savez(folder / f"n-{step}.npz", kernel=values)
    with h5py.File(folder / "k.weights.h5", "w") as file:
        file.create_group("vars")
        file["layers/dense/vars/0"] = values
    return folder


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, what it said on standard error, and the states that the newest report lists."""

    code: int
    said: str
    states: frozenset[str]


class Small:
    """Checkpoints, an output folder with one report, and a warm cache."""

    def __init__(self, folder: Path) -> None:
        self.ckpts = checkpoints(folder / "ckpts")
        self.out = folder / "out"
        self.cache = folder / "cache"
        assert self.report().code in HONEST
        self.before = self.latest()

    def over(self) -> None:
        """Called when a run has ended, before what it left is looked at."""

    def report(self, *flags: str) -> Ended:
        """A report in this process; nothing but an exit code may come out of it."""
        said = io.StringIO()
        command = ["report", str(self.ckpts), "-o", str(self.out), "--cache", str(self.cache), "--no-pdf", "-q"]
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = main([*command, *flags])
        self.over()
        return Ended(code, said.getvalue(), self.states())

    def forget_runs(self) -> None:
        """Leave only the last run, so that the next one makes the same calls as the one before it."""
        for folder in (self.out / "runs").iterdir():
            if folder.name != Path(self.latest()).name:
                shutil.rmtree(folder)

    def forget(self) -> None:
        """Have the next run measure again; pictures and pages, which take longer, stay in the cache."""
        for path in self.cache.rglob("*"):
            if path.is_file() and path.suffix != ".rendering":
                path.unlink()

    def latest(self) -> str:
        return str((self.out / "latest").readlink())

    def record(self) -> Any:
        return json.loads((self.out / "latest" / "report.json").read_bytes())

    def states(self) -> frozenset[str]:
        return frozenset(entry["state"] for entry in self.record()["files"])

    def leftovers(self) -> list[str]:
        """What no run may leave behind."""
        return sorted(str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.name.startswith((".new-", ".lat")))

    @staticmethod
    def outcome(ended: Ended) -> str:
        """What kind of end that was."""
        if ended.code in STOPPED:
            return "the old report and a clear line"
        if ended.code == 4 and "nothing was measured" in ended.said:
            return "nothing measured: the old report and a clear line"
        return "published, with rows of what could not be looked at" if ended.code == 4 else "published whole"

    def wrong(self, ended: Ended) -> str:
        """What is wrong with how a run ended, "" if nothing is."""
        moved = self.latest() != self.before
        self.before = self.latest()
        lines = ended.said.strip().splitlines()
        problems = {
            f"exit code {ended.code}": ended.code not in HONEST | STOPPED,
            "a traceback": "Traceback" in ended.said,
            "a defect, where the machine is at fault": "a defect of ckpt-report" in ended.said,
            f"{set(ended.states)}": bool(ended.states & {"corrupt", "partial", "in progress"}),
            "nothing new, and no failure": not moved
            and ended.code not in STOPPED
            and not (ended.code == 4 and "nothing was measured" in ended.said),  # such a report is not the latest
            "new, and a failure": moved and ended.code not in HONEST,
            "green with a checkpoint that was not measured": ended.code == 0
            and "not examined" in ended.states
            and moved,
            "no clear line": ended.code in STOPPED and not (lines and lines[-1].startswith("ckpt-report: ")),
            "left behind: " + ", ".join(self.leftovers()): bool(self.leftovers()),
        }
        found = [text for text, is_so in problems.items() if is_so]
        return f"{'; '.join(found)}: {ended.said[-600:]}" if found else ""
