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

from tests.make.formats import NAMES

ROOT = Path(__file__).resolve().parents[2]

FLIPS = int(os.environ.get("CKPT_FLIPS", "0"))
"""All of them are made where this is set; else :data:`DEFAULT`, or as many as :data:`BUDGET` seconds allow."""

DEFAULT, BUDGET = 150, 3.0

MEGABYTES = 16 << 10
"""Of address space, most of which is reserved and never touched; child processes have limits of their own."""

RESIDENT = 400
"""MB really used; an interpreter with numpy and ml_dtypes takes about 100."""


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bytes(made: dict[str, Path], name: str) -> None:
    flips, budget = (FLIPS, 1e9) if FLIPS else (DEFAULT, BUDGET)
    arguments = [str(a) for a in (made[name].parent, flips, name, MEGABYTES, budget)]
    command = [sys.executable, "-m", "tests.contracts.damage", *arguments]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert child.returncode == 0, f"it died ({child.returncode}):\n{child.stderr[-3000:]}"
    result = json.loads(child.stdout)
    print(f"{name}: {result}")
    assert not result["violations"]
    made_flips = sum(result["seen"].values())
    assert made_flips == flips if FLIPS else made_flips >= 5
    assert made_flips < 50 or set(result["seen"]) - {"read"}, "no damage was noticed: was any done?"
    assert result["megabytes"] < RESIDENT
