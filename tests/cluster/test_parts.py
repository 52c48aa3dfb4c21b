"""A checkpoint that is measured in parts is, put together, to the bit the one that is measured in one go."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from reporter.cache import Cache, container
from reporter.cache.container import Unusable
from reporter.cache.joined import joined
from reporter.cluster import divided as dividing
from reporter.cluster import parts as in_parts
from reporter.cluster.divided import Parts, divided
from reporter.cluster.parts import Part, part_of
from reporter.cluster.task import Kept, Stretch, measured_in_part
from reporter.gather.all_series import gather_all
from reporter.gather.catalog import only_checkpoint, scan
from reporter.measuring.checkpoint import Plan
from reporter.model.checkpoint import Found
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.faults.running import series
from tests.make.formats import NAMES

OLD = 1_700_000_000
PARTS = 3


def content(files: dict[str, bytes]) -> dict[str, Any]:
    """What is in cache files, apart from when and how long they were measured."""
    result = {}
    for suffix, data in files.items():
        opened = container.opened(data)
        header = {k: v for k, v in opened.header.items() if k not in ("seconds", "measured", "blocks")}
        result[suffix] = header, {name: opened.block(name) for name in opened.header["blocks"] if name != "rows"}
        if "rows" in opened.header["blocks"]:
            start, length, *_ = opened.header["blocks"]["rows"]
            result[suffix] += (opened.read([(start, length)])[0],)
    return result


def from_parts(found: Found, settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache that has everything from parts, which a worker with a cache of its own has measured."""
    cache, worker = Cache(folder / "joined"), Cache(folder / "worker")
    with monkeypatch.context() as patch:
        patch.setattr(dividing, "parts_of", lambda ref: PARTS)
        tasks = divided(found, settings, cache, workers=2)
    parts = Parts(cache)
    for task in tasks:
        assert isinstance(task, Part)
        result = measured_in_part(task, settings, worker)
        assert not result.failed
        assert not parts.add(task, result)
    return cache


def whole(found: Found, settings: Settings, folder: Path) -> Cache:
    cache = Cache(folder / "whole")
    gather_all(found, settings, cache, Progress(quiet=True), lambda stage: nullcontext())
    return cache


def rested(folder: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (OLD, OLD))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_every_format(made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shutil.copytree(made[name].parent, tmp_path / "ckpts")
    settings = Settings(roots=(rested(tmp_path / "ckpts") / made[name].name,), settle=0.0, spectral=True)
    ref = only_checkpoint(settings.roots[0], settings).ref
    found = scan(settings)
    ours, theirs = whole(found, settings, tmp_path), from_parts(found, settings, tmp_path, monkeypatch)
    known = ours.identity(ref.format, ref.members)
    there = content(theirs.files(known))
    assert there == content(ours.files(known))
    assert sorted(suffix.split(".")[0] for suffix in there) == ["checkpoint", "readiness", "spectra"]


def test_a_series_with_its_pairs_and_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair is read beside the same tensors of the one before, of the first and of the baseline."""
    ckpts = series(tmp_path / "ckpts", 3)
    series(tmp_path / "base", 1)
    rested(tmp_path)
    (base,) = (tmp_path / "base").iterdir()
    settings = Settings(roots=(ckpts,), baseline=base, settle=0.0)
    found = scan(settings)
    ours, theirs = whole(found, settings, tmp_path), from_parts(found, settings, tmp_path, monkeypatch)
    for ref in found.series[0].checkpoints:
        known = ours.identity(ref.format, ref.members)
        assert content(theirs.files(known)) == content(ours.files(known))
        assert any(suffix.endswith(".changes") for suffix in theirs.files(known))
    read: list[str] = []
    monkeypatch.setattr("reporter.gather.measurer.measure_checkpoint", lambda *_: read.append("weights"))
    whole_again = gather_all(found, settings, theirs, Progress(quiet=True), lambda stage: nullcontext())
    assert not read
    assert whole_again[1].read == 0


def test_parts_follow_each_other_and_are_balanced(tmp_path: Path) -> None:
    (path,) = series(tmp_path, 1).iterdir()
    with open_checkpoint("safetensors", path) as contents:
        chosen = [part_of(contents, number, 2) for number in range(2)]
        assert [len(one.tensors) for one in chosen] == [1, 1]
        assert [t.info.name for one in chosen for t in one.tensors] == [t.info.name for t in contents.tensors]
        assert sum(len(part_of(contents, number, 7).tensors) for number in range(7)) == len(contents.tensors)


def test_only_large_checkpoints_are_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = scan(Settings(roots=(series(tmp_path, 3),), settle=0.0))
    tasks = divided(found, Settings(), Cache(None), workers=1)
    assert [type(task) for task in tasks] == [Stretch] * 3
    assert [task.last for task in tasks] == [False, False, True]
    nbytes = found.series[0].checkpoints[0].nbytes
    monkeypatch.setattr(in_parts, "PART_BYTES", nbytes // 2 + 1)
    tasks = divided(found, Settings(), Cache(None), workers=1)
    assert [(task.ref.name, task.number) for task in tasks if isinstance(task, Part)] == [
        (ref.name, number) for ref in found.series[0].checkpoints for number in range(2)
    ]


def test_a_part_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="without its numbers"):
        joined("0" * 40, [{}])
    (ref,) = scan(Settings(roots=(rested(series(tmp_path, 1)),), settle=0.0)).series[0].checkpoints
    cache = Cache(tmp_path / "cache")
    part = Part(ref, 0, 1, None, (), last=False)
    assert "put together" in Parts(cache).add(part, Kept({cache.identity(ref.format, ref.members): {}}))[ref.name]
    assert "another size" in Parts(cache).add(part, Kept({"other": {}}))[ref.name]
    assert cache.measured(cache.identity(ref.format, ref.members), Plan()) is None
