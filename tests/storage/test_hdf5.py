"""HDF5 in a store: its parser asks for the blocks it needs, and what has to be copied is copied once in a run."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reporter.ahead import possible
from reporter.api import measure
from reporter.cli import main
from reporter.errors import NotExamined
from reporter.readers.opening import COPIED
from reporter.storage import spool, stored_object
from reporter.storage.mirror import local
from reporter.storage.spool import Spool
from tests.storage.conftest import Traffic

SIDE, LAYERS = 1000, 8
QUICK = ["--no-pdf", "--no-plots-folder", "--settle", "0"]


def weights(step: int = 0, **layout: Any) -> bytes:
    """A file of weights as Keras 2 writes it: 32 MB, in a group for each layer."""
    data, rng = io.BytesIO(), np.random.default_rng(step)
    with h5py.File(data, "w") as file:
        names = [f"dense_{i}" for i in range(LAYERS)]
        file.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode()]
            values = rng.standard_normal((SIDE, SIDE)).astype("f4")
            group.create_dataset(f"{name}/kernel:0", data=values, **layout)
    return data.getvalue()


@pytest.fixture
def memory(traffic: Traffic) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    yield store
    store.rm("/hdf5", recursive=True)


def put(store: Any, data: bytes, name: str = "m.h5") -> str:
    store.pipe_file(f"/hdf5/{name}", data)
    return f"memory://hdf5/{name}"


def test_only_the_tensors_and_the_structure_are_fetched(memory: Any, traffic: Traffic, tmp_path: Path) -> None:
    data = weights()
    (tmp_path / "m.h5").write_bytes(data)
    there, here = measure(put(memory, data)), measure(tmp_path / "m.h5")
    assert there.variables == here.variables
    assert there.layers == here.layers
    assert COPIED not in there.notes
    assert len(data) <= traffic.fetched <= 1.05 * len(data)


def test_to_tell_what_it_is_takes_a_few_blocks(memory: Any, traffic: Traffic) -> None:
    url = put(memory, weights())
    assert main(["scan", url.rpartition("/")[0]]) == 0
    assert traffic.fetched <= 2 << 20


@pytest.mark.parametrize("layout", [{"chunks": (100, 1000)}, {"compression": "gzip", "compression_opts": 1}])
def test_what_lies_in_chunks_is_copied_once_in_a_run(
    memory: Any, traffic: Traffic, tmp_path: Path, blank_pictures: None, monkeypatch: pytest.MonkeyPatch, layout: Any
) -> None:
    """Also where it is larger than what is kept of earlier ones, and the last one is read again for its readiness."""
    monkeypatch.setattr(spool, "KEPT_BYTES", 0)
    files = [weights(step, **layout) for step in range(2)]
    sizes = list(map(len, files))
    for step, data in enumerate(files):
        url = put(memory, data, f"m-{step}.h5")
    assert main(["report", url.rpartition("/")[0], "-o", str(tmp_path / "out"), *QUICK]) in (0, 3)
    assert sum(sizes) <= traffic.fetched <= sum(sizes) + (4 << 20)
    assert COPIED in (tmp_path / "out" / "latest" / "report.json").read_text()


def stored(store: Any, size: int) -> Any:
    url = put(store, bytes(size))
    path, _ = local(Path(url))
    found = stored_object(path)
    assert found is not None
    return found


def test_blocks_are_fetched_once_until_the_whole_is_cheaper(memory: Any, traffic: Traffic) -> None:
    size = 10 << 20
    kept = Spool(stored(memory, size))
    kept.provide(5, 100)
    kept.provide(200, 300)
    assert traffic.ranges[-1][1:] == (0, spool.BLOCK)
    assert len(traffic.ranges) == 1
    for number in range(1, 10):
        kept.provide(number << 20, (number << 20) + 10)
    assert kept.whole
    assert traffic.fetched <= size + 5 * spool.BLOCK


@pytest.mark.parametrize("wrong", [(-1, 5), (5, 5), (0, 11 << 20)])
def test_a_parser_cannot_ask_for_what_is_not_there(memory: Any, traffic: Traffic, wrong: tuple[int, int]) -> None:
    Spool(stored(memory, 10 << 20)).provide(*wrong)
    assert not traffic.ranges


def test_no_room_for_a_copy(memory: Any, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "has_room", lambda size: False)
    monkeypatch.setattr("reporter.storage.temporary.has_room", lambda size: False)
    with pytest.raises(NotExamined, match="has no room"):
        Spool(stored(memory, 1 << 20)).fill()


def test_few_descriptors_are_kept(memory: Any, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "KEPT_FILES", 3)
    for number in range(10):
        put(memory, bytes([number]), f"s/{number}")
    root, _ = local(Path("memory://hdf5/s"))
    for number in range(10):
        found = stored_object(root / str(number))
        assert found is not None
        spool.spool_of(found)
    assert len(spool._spools) <= 3


def test_a_copy_of_the_process_has_files_of_its_own(memory: Any, traffic: Traffic) -> None:
    """It closes those that it was handed, and their numbers soon stand for other files."""
    spool.spool_of(stored(memory, 10))
    if not possible():
        pytest.skip("libraries that other tests loaded have threads here; tests/test_ahead.py runs this by itself")
    if (child := os.fork()) == 0:
        os._exit(len(spool._spools))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert spool._spools
