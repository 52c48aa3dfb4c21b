"""The program as a user runs it, in a process of its own, under circumstances of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parents[2]
FULL = bool(os.environ.get("CKPT_FAULTS"))
"""Whether every case is wanted, as of ``make faults``; otherwise there are fewer of a kind, and smaller ones."""

PROGRAM = (sys.executable, "-m", "reporter")


def checkpoint(path: Path, seed: int = 0) -> Path:
    """A small one: two tensors, all of which move from seed to seed."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel, bias = rng.standard_normal((8, 6)).astype("f4"), rng.standard_normal(6).astype("f4")
    save_file({"dense.kernel": kernel, "dense.bias": bias}, path)
    return path


def series(folder: Path, count: int = 2) -> Path:
    """A folder with so many checkpoints that move a little."""
    rng = np.random.default_rng(0)
    start, bias = rng.standard_normal((8, 6)), rng.standard_normal(6)
    folder.mkdir(parents=True, exist_ok=True)
    for step in range(1, count + 1):
        moved = start + 0.01 * step * rng.standard_normal((8, 6)), bias + 0.01 * step
        arrays = {"dense.kernel": moved[0].astype("f4"), "dense.bias": moved[1].astype("f4")}
        save_file(arrays, folder / f"m-{step}.safetensors")
    return folder


def run(*arguments: object, program: Sequence[str] = PROGRAM, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """A command, and what it prints; one that may take more than ten minutes is given another ``timeout``, or None."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [*program, *map(os.fspath, map(_text, arguments))]
    return subprocess.run(command, env=environment, capture_output=True, check=False, **{"timeout": 600} | options)


_SEVERAL = """
import contextlib, io, json, os, sys
from reporter.cli import main
done = []
for arguments, environment in json.load(sys.stdin):
    os.environ.update(environment)
    out, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        done.append((main(arguments), out.getvalue(), said.getvalue()))
print(json.dumps(done))
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    said: str


def several(
    *commands: tuple[Sequence[object], Mapping[str, str]], program: Sequence[str] = (), **options: Any
) -> list[Done]:
    """Commands, each with variables of its own, one after another in one process: to start one takes seconds.

    Args:
        program: what executes the process.
    """
    given = json.dumps([([str(argument) for argument in command], dict(env)) for command, env in commands]).encode()
    ended = run("-c", _SEVERAL, program=(*program, sys.executable), input=given, **options)
    assert ended.returncode == 0, ended.stderr.decode()
    return [Done(*fields) for fields in json.loads(ended.stdout)]


def _text(argument: object) -> str | bytes | os.PathLike[Any]:
    return argument if isinstance(argument, bytes | os.PathLike) else str(argument)


def listed(folder: Path) -> dict[str, tuple[str, str]]:
    """State and reason of everything in the published report, by path."""
    record = json.loads((folder / "report.json").read_text("utf-8"))
    return {entry["path"]: (entry["state"], entry["reason"]) for entry in record["files"]}


def published(out: Path) -> Path:
    """The only run in an output folder."""
    (folder,) = (out / "runs").iterdir()
    return folder
