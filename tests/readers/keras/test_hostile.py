"""Damaged bytes: every truncation and bit flip gives a result or a CheckpointError, never anything else.

libhdf5 is native code that parses what it is given, so all of this happens in one child process with a time limit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]

FLIPS = int(os.environ.get("CKPT_FLIPS", "60"))
"""Of each file; ``make fuzz`` makes it 2,000."""

CHILD = """
import faulthandler, json, random, sys
from pathlib import Path
from reporter.errors import CheckpointError
from reporter.model.checkpoint import Probe
from reporter.readers.keras import KerasArchiveReader, KerasLegacyReader, KerasWeightsReader

faulthandler.enable()
READERS = (KerasArchiveReader(), KerasWeightsReader(), KerasLegacyReader())
seen = {}

def attempt(path, data, what):
    path.write_bytes(data)
    probe = Probe(path, len(data), 0, data[:64], data[-64:])
    for reader in READERS:
        reader.claim_file(probe, {})
    for reader in READERS:
        try:
            with reader.open(path) as contents:
                for tensor in contents.tensors:
                    for block in tensor.blocks():
                        block.sum()
            state = "read"
        except CheckpointError as error:
            assert error.path == path, error
            state = error.state
        seen[f"{what} {state}"] = seen.get(f"{what} {state}", 0) + 1

source, folder, flips = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
data = source.read_bytes()
path = folder / source.name
rng = random.Random(source.name)
for i in range(40):
    attempt(path, data[: len(data) * i // 40], "cut")
for _ in range(flips):
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 8))):
        damaged[rng.randrange(min(len(damaged), rng.choice((2048, 1 << 30))))] ^= 1 << rng.randrange(8)
    attempt(path, bytes(damaged), "flip")
print(json.dumps(seen))
"""


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
def test_damaged_files_are_read_or_told_to_be_damaged(suffix: str, keras3: Any, tmp_path: Path) -> None:
    source = keras3["nested"].files[suffix]
    command = [sys.executable, "-W", "error", "-c", CHILD, str(source), str(tmp_path), str(FLIPS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 + 2 * FLIPS, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)
    assert sum(count for what, count in seen.items() if what.startswith("cut")) == 40 * 3
    assert sum(count for what, count in seen.items() if what.startswith("flip")) == FLIPS * 3
    assert "cut read" not in seen
    assert seen.get("flip corrupt", 0) > FLIPS / 3
