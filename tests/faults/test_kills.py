"""Killed at random times: the last report is whole, and the next run removes what is left."""

from __future__ import annotations

import json
import os
import sys

from tests.faults.running import run

KILLS = os.environ.get("CKPT_FAULTS_KILLS", "14")
"""``make faults`` makes it 200."""


def test_kills_at_random_times() -> None:
    done = run("-m", "tests.faults.kills", KILLS, program=(sys.executable,), timeout=3 * 3600)
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    print(said)
    assert said["wrong"] == []
    assert said["counts"]["not published"] > 0 and said["counts"]["published"] > 0
