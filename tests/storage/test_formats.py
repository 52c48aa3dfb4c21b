"""What every format must do when it lies in a store: the same entries and numbers as the local files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reporter.api import measure
from reporter.gather.catalog import scan
from reporter.gather.verify import verify
from reporter.readers.opening import COPIED
from reporter.settings.model import Settings
from tests.make.formats import NAMES, files_of

COPIES = {"keras", "keras-weights", "keras-h5", "keras-sharded", "tf-v1", "orbax"}
"""Formats that a library reads as a whole."""


@pytest.fixture(scope="module")
def memory(made: dict[str, Path]) -> Iterator[dict[str, Path]]:
    """The same files under ``memory://``."""
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    result = {}
    for name, path in made.items():
        for file in files_of(path):
            store.pipe_file(f"/formats/{name}/{file.relative_to(path.parent).as_posix()}", file.read_bytes())
        result[name] = Path(f"memory://formats/{name}/{path.name}")
    yield result
    store.rm("/formats", recursive=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_is_found(made: dict[str, Path], memory: dict[str, Path], name: str) -> None:
    settings = Settings(settle=0.0)
    here, there = (scan(replace(settings, roots=(root[name].parent,))) for root in (made, memory))
    assert there.files == here.files
    assert [s.name for s in there.series] == [s.name for s in here.series]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_is_measured(made: dict[str, Path], memory: dict[str, Path], name: str) -> None:
    here, there = measure(made[name]), measure(memory[name])
    assert there.variables == here.variables
    assert there.layers == here.layers
    assert [note for note in there.notes if note != COPIED] == list(here.notes)
    assert (COPIED in there.notes) == (name in COPIES)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_verified(memory: dict[str, Path], name: str) -> None:
    (verdict,) = verify(Settings(roots=(memory[name],), settle=0.0))
    assert verdict.state == "sound", verdict


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_seen(memory: dict[str, Path], name: str) -> None:
    """A cut copy is never green, as it is not on a disk."""
    import fsspec

    store: Any = fsspec.filesystem("memory")
    folder = f"/formats/{name}"
    files = [file for file in store.find(folder) if store.info(file)["size"]]
    largest = max(files, key=lambda file: store.info(file)["size"])
    for file in files:
        data = store.cat_file(file)
        store.pipe_file(file.replace("/formats/", "/cut/"), data[: len(data) // 2] if file == largest else data)
    root = Path(f"memory://cut/{name}")
    found = scan(Settings(roots=(root,), settle=0.0))
    if found.series:
        states = [verdict.state for verdict in verify(Settings(roots=(root,), settle=0.0))]
        assert any(state != "sound" for state in states)
