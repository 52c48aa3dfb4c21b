"""Compare with weightlens 0.3.0, another tool that reads weights offline (``make bench-peers``).

It is installed into an environment of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import files
from bench.row import Context, Measurement, command, run, side_by_side

ENVIRONMENT = Path(__file__).parent / ".peers"
PINNED = "weightlens==0.3.0"


def install() -> Path:
    """The path of its command, which is installed if it is missing."""
    lens = ENVIRONMENT / "bin" / "lens"
    if not lens.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([str(ENVIRONMENT / "bin" / "pip"), "install", "-q", PINNED], check=True)
    return lens


def rows(context: Context) -> Iterator[Measurement]:
    """Measure the same file with both tools, each in a process of its own."""
    lens = install()
    nbytes = (2 << 30) if context.full else (256 << 20)
    path = files.safetensors(Path(context.folder) / "peers.safetensors", files.matrices(nbytes))
    inspect, analyze = command("inspect", str(path), "--json"), [str(lens), "analyze", str(path)]
    yield side_by_side(
        f"safetensors, {nbytes >> 20} MiB, a process of its own", lambda: run(inspect), PINNED, lambda: run(analyze),
        repeats=2, least=20, goal="≥ 20 × faster", nbytes=nbytes,
    )  # fmt: skip
