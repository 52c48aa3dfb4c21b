"""With the cache, cold and warm, and without it, every input gives the same bytes.

Pictures are left blank: that keeping them changes none is tested with those of one report (``test_renderings``). Of the
many real inputs, the cold run stands for the one without a cache: it measures all the same.
"""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from reporter import pipeline
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.faults.running import series
from tests.make.blank import undrawn
from tests.make.safetensors import safetensors
from tests.make.small import BAD_FILES, EXTREMES, weights

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OLD = 1_700_000_000

REAL = ("series/taxi-estimator-tf1", "single/keras-history", "damaged")
"""Folders beside the checkout: bundles, Keras's files, arrays; whole and damaged."""

LONG = {"emotion-xception-h5": "*.0[02]-*.hdf5", "crypto-gan-tf2": "ckpt-[12].*"}
"""Series of dozens of checkpoints, and those of them that stand for all."""


def extremes(folder: Path) -> None:
    for step in (1, 2, 3):
        safetensors(folder / f"m-{step}.safetensors", EXTREMES | weights(step))


def without_numbers(folder: Path) -> None:
    """Alone, first, in the middle and last of a series; tensors of no values; nothing but texts."""
    for name, empty in (("alone", (1,)), ("first", (1,)), ("middle", (2,)), ("last", (3,)), ("all", (1, 2, 3))):
        series(folder / name, 1 if name == "alone" else 3)
        for step in empty:
            save_file({}, folder / name / f"m-{step}.safetensors")
    for step in (1, 2):
        np.savez(folder / f"void-{step}.npz", a=np.empty((0, 3), "f4"), b=np.empty((3, 0)))
        np.savez(folder / f"text-{step}.npz", a=np.array(["x"]))


def bad(folder: Path) -> None:
    series(folder)
    for name, content in BAD_FILES.items():
        (folder / name).write_bytes(content)
    (folder / "self").symlink_to("self")
    series(Path(os.fsdecode(os.fsencode(folder) + b"/\xff")))


def models(folder: Path) -> None:
    """Files of one pattern that hold different models, and a tensor that comes and goes."""
    for step in (1, 2, 3):
        safetensors(folder / f"m-{step}.safetensors", weights(step) | ({"x": np.ones(3, "f4")} if step == 2 else {}))
        safetensors(folder / f"n-{step}.safetensors", {f"only{step}": np.ones(step, "f4")})


MADE = {make.__name__: make for make in (extremes, without_numbers, bad, models)}


def content(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    record = json.loads(found["report.json"]) | {"timings": {}}
    return found | {"report.json": json.dumps(record).encode()}


KINDS = (("cold", "cache"), ("warm", "cache"), ("without", None))


def same(folder: Path, tmp_path: Path, kinds: tuple[tuple[str, str | None], ...] = KINDS) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (OLD, OLD))  # of the same age in every run
    alike((folder,), tmp_path, kinds)


def alike(roots: tuple[Path, ...], tmp_path: Path, kinds: tuple[tuple[str, str | None], ...]) -> None:
    runs = []
    for name, cache in kinds:
        settings = Settings(
            roots=roots,
            out=tmp_path / name,
            cache=None if cache is None else tmp_path / cache,
            pdf=False,
            settle=0.0,
        )
        runs.append(content(pipeline.run(settings, Progress(quiet=True), now=NOW).folder))
    cold, *others = runs
    for other, (kind, _) in zip(others, kinds[1:], strict=True):
        assert cold.keys() == other.keys()
        for name in cold:
            assert cold[name] == other[name], f"{name}: cold, and {kind}"
    assert b"a defect of ckpt-report" not in cold["report.json"]


@pytest.mark.parametrize("name", MADE)
def test_made_inputs(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    MADE[name](folder)
    same(folder, tmp_path)


@pytest.mark.parametrize("name", REAL)
def test_real_inputs(shared_data: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(shared_data / name, tmp_path / "c", symlinks=True, copy_function=shutil.copyfile)
    same(tmp_path / "c", tmp_path, KINDS[:2])


def others(folder: str, names: list[str]) -> set[str]:
    """What the next test leaves out: what the one above looks at, and of long series all but two checkpoints."""
    parts = Path(folder).parts
    left_out = {name for name in names if "/".join((*parts, name)).endswith(REAL)}
    long = next((pattern for series, pattern in LONG.items() if parts[-1] == series), "*")
    return left_out | {name for name in names if not fnmatch(name, long)}


def test_numbers_of_all_other_real_inputs(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All folders beside the checkout at once. Their pages, which show these numbers, would take longer to draw."""
    reported = shared_data.parent / "reported"
    if not reported.is_dir():
        pytest.skip("the inputs of public reports (../shared/reported) are not on this machine")
    shutil.copytree(shared_data, tmp_path / "data", symlinks=True, ignore=others, copy_function=shutil.copyfile)
    for path in (tmp_path / "data").rglob("*"):
        if not path.is_symlink():
            os.utime(path, (OLD, OLD))
    undrawn(monkeypatch)
    alike((tmp_path / "data", reported), tmp_path, KINDS[:2])
