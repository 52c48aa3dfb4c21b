"""Hostile structures: each bound of what is parsed in the main process is tripped, and costs little until it is."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reporter.gather.catalog import peek, scan
from reporter.readers.files import bounded
from reporter.readers.files.block_size import MAX_TENSORS
from reporter.readers.files.window import SPARSE_FLOOR, SPARSE_RATIO
from reporter.readers.keras_model.config import MAX_CONFIG, ConfigError, parse_json
from reporter.readers.safetensors import MAX_TEXT
from reporter.settings.model import Settings
from tests.faults.running import FULL, ROOT

SECONDS, BYTES = 60, 500 << 20
"""What refusing may take at most."""

SHARE = 1.0 if FULL else 0.05
"""Of the most that is parsed, where time and memory grow with it: they are held against that share of the bounds."""

SCAN = """
import resource, sys
from pathlib import Path
from reporter.gather.catalog import scan
from reporter.readers.isolation import end_children
from reporter.settings.model import Settings

WHO = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN

def used():
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, WHO))

def own():
    # Peak in KiB of this program: ru_maxrss would include what the process that started it had before exec.
    return next(int(l.split()[1]) for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM"))

for line in sys.stdin:
    before = used()
    (entry,) = scan(Settings(roots=(Path(line.strip()),), settle=0.0)).files
    end_children()
    memory = max(own(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) << 10
    print(entry.state, used() - before, memory, entry.reason, sep="@", flush=True)
"""

Refused = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def scanning() -> Iterator[subprocess.Popen[str]]:
    """A process that scans whatever it is told to, one path a line."""
    command = [sys.executable, "-c", SCAN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield process


@pytest.fixture
def refused(scanning: subprocess.Popen[str]) -> Refused:
    """State and reason of a file, found within the bounds on time and memory, or a share of the former."""

    def found(path: Path, share: float = 1.0) -> tuple[str, str]:
        assert scanning.stdin is not None and scanning.stdout is not None
        print(path, file=scanning.stdin, flush=True)
        state, seconds, memory, reason = scanning.stdout.readline().rstrip().split("@")
        print(f"{path.name}: {state} after {float(seconds):.1f} s and {int(memory) >> 20} MiB: {reason}")
        assert float(seconds) < max(SECONDS * share, 5)
        assert int(memory) < BYTES
        return state, reason

    return found


def safetensors(path: Path, header: bytes, length: int = 0) -> Path:
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + length)
    return path


def empty_tensors(count: int) -> bytes:
    described = b'{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    return b"{" + b",".join(b'"t%d":%b' % (i, described) for i in range(count)) + b"}"


def test_too_many_empty_tensors(tmp_path: Path, refused: Refused) -> None:
    path = safetensors(tmp_path / "m.safetensors", empty_tensors(MAX_TENSORS + 1))
    assert refused(path) == ("refused", "it lists 131,073 tensors, more than 131,072")


def test_a_header_of_too_many_bytes(tmp_path: Path, refused: Refused) -> None:
    path = safetensors(tmp_path / "m.safetensors", b'{"__metadata__":{"a":"' + b"x" * MAX_TEXT + b'"}}')
    state, reason = refused(path)
    assert state == "refused"
    assert reason.startswith("its header: it takes 50,331,673 bytes")


@pytest.mark.parametrize("value", [b"[]", b"{}", b'{"a":1}', b"1.5"])
def test_a_header_of_too_many_values(tmp_path: Path, refused: Refused, value: bytes) -> None:
    """As long as it may be: nothing of it is parsed."""
    header = b'{"__metadata__":[' + (value + b",") * (MAX_TEXT // (len(value) + 1) - 10) + value + b"]}"
    state, reason = refused(safetensors(tmp_path / "m.safetensors", header))
    assert state == "refused"
    assert "values, more than 3,000,000" in reason


def test_an_index_of_too_many_tensors(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "m.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {f"t{i}": "m.safetensors" for i in range(MAX_TENSORS + 1)}}))
    assert refused(path) == ("refused", "it lists 131,073 tensors, more than 131,072")


def test_json_that_is_just_small_enough(tmp_path: Path, refused: Refused) -> None:
    """The most that is parsed stays within the bounds as well; then it turns out to be none of a checkpoint."""
    count = max(int(bounded.MAX_VALUES * SHARE) // 3 - 10, MAX_TENSORS + 1)
    header = b"{" + b",".join(b'"%x":{}' % i for i in range(count)) + b"}"
    assert refused(safetensors(tmp_path / "m.safetensors", header), SHARE)[0] == "refused"


def keras(path: Path, config: str) -> Path:
    with h5py.File(path.with_name("w"), "w") as file:
        file.create_group("vars")
        file["layers/dense/vars/0"] = np.ones(3, "f4")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", "{}")
        archive.write(path.with_name("w"), "model.weights.h5", zipfile.ZIP_STORED)
    path.with_name("w").unlink()
    return path


LAYER = '{"class_name":"D","config":{}}'


def test_a_configuration_that_inflates(tmp_path: Path, refused: Refused) -> None:
    """62 kB of archive, 63 MB of text."""
    many = ",".join([LAYER] * (63_000_000 // (len(LAYER) + 1)))
    path = keras(tmp_path / "m.keras", f'{{"class_name":"Functional","config":{{"layers":[{many}]}}}}')
    assert path.stat().st_size < 300_000
    state, reason = refused(path)
    assert state == "refused"
    assert reason.startswith("config.json takes 63,")


def test_the_largest_configuration_that_is_parsed(tmp_path: Path, refused: Refused) -> None:
    many = ",".join([LAYER] * int((bounded.MAX_VALUES // 6 - 10) * SHARE))
    assert len(many) < MAX_CONFIG
    path = keras(tmp_path / "m.keras", f'{{"class_name":"Functional","config":{{"layers":[{many}]}}}}')
    assert refused(path, SHARE)[0] == "found"
    with pytest.raises(ConfigError, match="values, more than 3,000,000"):
        parse_json("[" + "[]," * bounded.MAX_VALUES + "1]")


def test_a_file_of_holes(tmp_path: Path, refused: Refused) -> None:
    """200 GB that take a block of the disk."""
    header = json.dumps({"a": {"dtype": "U8", "shape": [200_000_000_000], "data_offsets": [0, 200_000_000_000]}})
    path = safetensors(tmp_path / "m.safetensors", header.encode(), 200_000_000_000)
    if path.stat().st_blocks * 512 * SPARSE_RATIO > path.stat().st_size:
        pytest.skip("this file system has no holes")
    state, reason = refused(path)
    assert state == "refused"
    assert reason.endswith("are stored: the rest are holes")


def test_few_holes_are_read(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "U8", "shape": [1 << 20], "data_offsets": [0, 1 << 20]}})
    path = safetensors(tmp_path / "m.safetensors", header.encode(), 1 << 20)
    assert path.stat().st_size < SPARSE_FLOOR
    assert [f.state for f in scan(Settings(roots=(path,))).files] == ["found"]


def test_hdf5_of_many_layers(tmp_path: Path, refused: Refused) -> None:
    """20,000 of a dense model: 80,000 objects, parsed in the bounded child."""
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        for i in range(int(20_000 * SHARE)):
            group = file.create_group(f"layers/dense_{i}/vars")
            group["0"], group["1"] = np.ones((2, 2), "f4"), np.ones(2, "f4")
    assert refused(path, SHARE)[0] == "found"


def npz(path: Path, count: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        head = (
            b"\x93NUMPY\x01\x00\x76\x00"
            + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".ljust(117)
            + b"\n"
        )
        for i in range(count):
            archive.writestr(f"layer{i}/k.npy", head + b"\0\0\x80\x3f")
    return path


@pytest.mark.parametrize(
    ("format", "name", "make", "count"),
    [
        ("safetensors", "m.safetensors", lambda p, n: safetensors(p, empty_tensors(n)), 100_000),
        ("numpy", "m.npz", npz, 60_000),
    ],
)
def test_as_many_tensors_as_are_legitimate(tmp_path: Path, format: str, name: str, make: Any, count: int) -> None:
    """To open so many takes at most 20 s of a processor."""
    count = int(count * SHARE)
    path = make(tmp_path / name, count)
    started = time.process_time()
    seen = peek(format, path)
    seconds = time.process_time() - started
    print(f"{format}: {count:,} tensors are opened in {seconds:.1f} s")
    assert len(seen.structure) > 0
    assert seconds < max(20 * SHARE, 3)
