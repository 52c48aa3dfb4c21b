"""Runs that are killed at random times: ``python -m tests.faults.kills [HOW MANY]``.

Each is forked from a process that has loaded everything, so that most kills hit the run, not Python's imports.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from reporter.readers.isolation import end_children
from tests.faults.forked import fork_parsers
from tests.faults.warm import HONEST, Small


def run(count: int) -> dict[str, Any]:
    """So many kills; every third run measures again."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    chance = random.Random(count)
    with tempfile.TemporaryDirectory() as name:
        fork_parsers()
        small = Small(Path(name))
        end_children()
        started = time.monotonic()
        small.report()
        length = 2 * (time.monotonic() - started)
        for i in range(count):
            before = small.latest()
            if i % 3 == 0:
                small.forget()
            child = os.fork()
            if child == 0:
                try:
                    small.report()
                finally:
                    os._exit(0)
            time.sleep(chance.uniform(0, length))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            moved = small.latest() != before
            counts["published" if moved else "not published"] += 1
            length *= 0.9 if moved else 1.15  # about half of them publish, however fast the machine is just now
            counts["left something"] += bool(small.leftovers())
            record = small.record()
            if record["files"] == [] or small.states() & {"corrupt", "partial", "in progress", "not examined"}:
                wrong.append(f"kill {i}: the last report is not whole")
        code = small.report().code
        if code not in HONEST:
            wrong.append(f"the next run ended with {code}")
        wrong += [f"still there after the next run: {left}" for left in small.leftovers()]
    return {"counts": counts, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 200)))
