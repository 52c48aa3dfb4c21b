"""Damaged strings of variable length, on which libhdf5 and h5py crash or loop for ever when they are handed them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from reporter.errors import CorruptCheckpoint, RefusedCheckpoint
from reporter.readers.files.window import Window, open_file
from reporter.readers.keras.heaps import HeapGuard, check_heap

ROOT = Path(__file__).resolve().parents[3]

READ = """
import sys
from pathlib import Path
from reporter.readers.keras import KerasLegacyReader
with KerasLegacyReader().open(Path(sys.argv[1])) as contents:
    pass
"""


def write(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = '{"class_name": "Sequential", "config": []}'
        file.create_group("model_weights").attrs["layer_names"] = ["dense", "dense_1"]
    return path


def free_object(data: bytes) -> int:
    """Position of the header of object 0, the free rest of the first heap."""
    at = data.index(b"GCOL") + 16
    while int.from_bytes(data[at : at + 2], "little"):
        at += 16 + (int.from_bytes(data[at + 8 : at + 16], "little") + 7) // 8 * 8
    return at


def test_a_heap_that_does_not_lead_to_its_end_is_not_handed_to_hdf5(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5")
    data = bytearray(path.read_bytes())
    at = free_object(data)
    data[at + 8 : at + 16] = bytes(8)
    path.write_bytes(data)
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert "CorruptCheckpoint" in done.stderr
    assert "object 0 of a global heap declares 0 bytes" in done.stderr


@pytest.mark.parametrize("size", [0, 8, 1 << 40, (1 << 64) - 1])
def test_sizes_of_objects_and_heaps(size: int, tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5")
    intact = path.read_bytes()
    start = intact.index(b"GCOL")
    with open_file(path) as file:
        check_heap(Window(path, file), start)
    for at in (start + 8, free_object(intact) + 8):
        data = bytearray(intact)
        data[at : at + 8] = size.to_bytes(8, "little")
        path.write_bytes(data)
        with open_file(path) as file, pytest.raises(CorruptCheckpoint, match="global heap"):
            check_heap(Window(path, file), start)


def test_attributes_of_types_that_keras_never_writes_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
        value = np.empty((), object)
        value[()] = np.arange(3)
        file.attrs.create("model_config", value, dtype=h5py.vlen_dtype(np.int32))
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert "layer 'dense' is listed, but missing" in done.stderr


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4])
def test_a_heap_is_seen_wherever_a_read_begins(before: int, tmp_path: Path) -> None:
    path = tmp_path / "raw"
    for magic, error in ((b"FRHP\0", RefusedCheckpoint), (b"GCOL\1" + bytes(11), CorruptCheckpoint)):
        path.write_bytes(bytes(64) + magic + bytes(64))
        with open_file(path) as file:
            guard = HeapGuard(Window(path, file))
            for start, count in ((64 + before, 40), (20, 44 + before + 1)):
                guard.seek(start)
                with pytest.raises(error):
                    guard.readinto(bytearray(count))
            guard.seek(0)
            assert guard.readinto(bytearray(60)) == 60
