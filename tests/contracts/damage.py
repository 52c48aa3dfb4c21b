"""Damages one checkpoint at random and reads it, again and again: a process of its own, so that nothing it does to
itself (a crash, a loop, its memory) goes unnoticed or harms the tests.

    python -m tests.contracts.damage FOLDER FLIPS SEED MEGABYTES BUDGET

prints one JSON object: how often each outcome was seen, and every violation with the file, positions and values that
bring it back.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

from reporter import errors
from reporter.discover.examine import PROVEN
from reporter.gather.catalog import scan
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings

SECONDS = 150
"""More than any reading takes, also where a library in a child process is stopped after its 120 s."""

STATES = frozenset({"found", "not a checkpoint", "unreadable"}) | {
    e.state for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.CheckpointError)
}

SKIPPED = "skipped"

Values = dict[str, str]
"""Key in the file -> digest of dtype, shape and values."""


class Hang(BaseException):
    """A reading took longer than :data:`SECONDS`."""


def read(folder: Path) -> tuple[str, str, Values]:
    """State and check of the one checkpoint in a folder, and its values where it could be read."""
    found = scan(Settings(roots=(folder,), settle=0.0))
    for entry in found.files:
        assert entry.state in STATES, entry
        assert entry.reason or entry.state in ("found", "not a checkpoint"), entry
        assert "defect of ckpt-report" not in entry.reason, entry
    refs = [ref for series in found.series for ref in series.checkpoints]
    if not refs:
        states = sorted({e.state for e in found.files} - {"not a checkpoint"})
        return (states[0] if states else "not a checkpoint"), "", {}
    values: Values = {}
    check = ""
    for ref in refs:
        try:
            with open_checkpoint(ref.format, ref.path) as contents:
                check = contents.integrity
                for source in contents.tensors:
                    info = source.info
                    digest = hashlib.sha256(f"{info.dtype} {info.shape}".encode())
                    count = 0
                    for block in source.blocks():
                        digest.update(block.tobytes())
                        count += block.size
                    assert count == info.size, info
                    values[info.key] = digest.hexdigest()
                contents.verify()
                # Listed as unreadable is not presented as right.
                values |= {skipped.name: SKIPPED for skipped in contents.skipped}
        except errors.CheckpointError as error:
            if "defect of ckpt-report" in error.reason:
                raise
            return error.state, check, {}
    return "read", check, values


def damage(content: bytes, rng: random.Random) -> tuple[bytes, list[tuple[int, int]]]:
    """One flipped byte, sometimes eight, half of the time among the first 4 KiB, where structure is dense."""
    damaged = bytearray(content)
    flips = []
    for _ in range(rng.choice((1, 1, 1, 8))):
        at = rng.randrange(min(len(damaged), rng.choice((4096, 1 << 40))))
        value = rng.randrange(1, 256)
        damaged[at] ^= value
        flips.append((at, value))
    return bytes(damaged), flips


def run(pristine: Path, flips: int, seed: str, budget: float) -> dict[str, Any]:
    """Damage and read ``flips`` times; fewer, but at least 5 times, where that takes more than ``budget`` seconds."""
    begun = time.monotonic()
    rng = random.Random(seed)
    expected = read(pristine)[2]
    assert expected, "the pristine checkpoint cannot be read"
    seen: Counter[str] = Counter()
    violations: list[str] = []
    scratch = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    with scratch as name:
        folder = Path(name) / "copy"
        shutil.copytree(pristine, folder)
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size)
        for n in range(flips):
            if n >= 5 and time.monotonic() - begun > budget:
                break
            path = rng.choice(files)
            content = path.read_bytes()
            damaged, where = damage(content, rng)
            path.write_bytes(damaged)
            about = f"#{n} {path.name} {where}"
            faulthandler.dump_traceback_later(2 * SECONDS, exit=True)
            signal.alarm(SECONDS)
            try:
                state, check, values = read(folder)
                signal.alarm(0)
                seen[state] += 1
                if state == "read" and check in PROVEN and _differ(values, expected):
                    violations.append(f"{about}: other values passed {check}")
            except Hang:
                violations.append(f"{about}: no answer in {SECONDS} s")
            except Exception as error:
                violations.append(f"{about}: {type(error).__name__}: {error}")
            finally:
                signal.alarm(0)
                faulthandler.cancel_dump_traceback_later()
            path.write_bytes(content)
    return {"seen": dict(sorted(seen.items())), "violations": violations, "megabytes": peak_megabytes()}


def _differ(values: Values, expected: Values) -> bool:
    """Whether a value is another one, or gone without being listed as skipped."""
    return any(values.get(key) not in (digest, SKIPPED) for key, digest in expected.items())


def peak_megabytes() -> int:
    """Most memory this program held; ``ru_maxrss`` would count what the parent held when it forked."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
    return next(int(line.split()[1]) >> 10 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def _hang(signum: int, frame: FrameType | None) -> None:
    raise Hang


def main() -> None:
    folder, flips, seed, megabytes, budget = sys.argv[1:]
    faulthandler.enable()
    signal.signal(signal.SIGALRM, _hang)
    limit = int(megabytes) << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(json.dumps(run(Path(folder), int(flips), seed, float(budget))))


if __name__ == "__main__":
    main()
