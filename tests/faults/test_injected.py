"""ENOSPC, EIO and EMFILE at opens, reads and writes of a run: an honest row, or the last report and a clear line."""

from __future__ import annotations

import json
import os
import sys

from tests.faults.running import run

CASES = os.environ.get("CKPT_FAULTS_INJECTED", "10")
"""Of more than two thousand; ``make faults`` lets every one of them happen."""


def test_whatever_call_fails() -> None:
    cases = [] if CASES == "all" else [CASES]
    done = run("-m", "tests.faults.injected", *cases, program=(sys.executable,), timeout=3 * 3600)
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    print(said)
    assert said["wrong"] == []
    assert said["calls"]["write"] > 5 and said["calls"]["open"] > 50
