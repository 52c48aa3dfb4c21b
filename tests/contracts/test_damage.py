"""Random damage to every registered format: an answer in the allowed set, no wrong number behind a checksum.

A bounded share of the flips by default, all of them with ``CKPT_FLIPS=2000`` (``make fuzz``). Seeds are fixed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.test_readers import NAMES, made, model  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]

FLIPS = int(os.environ.get("CKPT_FLIPS", "150"))

MEGABYTES = 4096
"""Of address space, most of which shared libraries and thread stacks reserve and never touch."""

RESIDENT = 300
"""MB really used; an interpreter with numpy, h5py and ml_dtypes takes about 100."""


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bytes(made: dict[str, Path], name: str) -> None:  # noqa: F811
    command = [sys.executable, "-m", "tests.contracts.damage", str(made[name].parent), str(FLIPS), name, str(MEGABYTES)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert child.returncode == 0, f"it died ({child.returncode}):\n{child.stderr[-3000:]}"
    result = json.loads(child.stdout)
    print(f"{name}: {result}")
    assert not result["violations"]
    assert sum(result["seen"].values()) == FLIPS
    assert FLIPS < 100 or set(result["seen"]) - {"read"}, "no damage was noticed: was any done?"
    assert result["megabytes"] < RESIDENT
