"""How time and memory grow with the size, the number of tensors and the number of checkpoints.

Each run is a process of its own, whose memory is that of this run alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench import files
from bench.row import Context, Measurement, command, run

PEAK = 250.0
"""The goal: most memory that inspecting a file of any size may take, in MB."""


def rows(context: Context) -> Iterator[Measurement]:
    """Inspect each file once, after a small one that fills the caches of Python and numba."""
    folder = Path(context.folder)
    run(command("inspect", str(files.safetensors(folder / "warm.safetensors", [(1000, 100), (100,)])), "--json"))
    for mib in (10, 100, 1000, 4096) if context.full else (10, 100, 500):
        path = files.safetensors(folder / f"{mib}.safetensors", files.matrices(mib << 20, each=512 << 20))
        yield from _measured(f"{mib} MiB in tensors of up to 512 MiB", path)
        path.unlink()
    for count in (10, 100, 1000, 10_000) if context.full else (10, 1000):
        path = files.safetensors(folder / f"{count}t.safetensors", [(40, 50)] * count)
        yield from _measured(f"{count:,} tensors of 8 kB", path)
    for count in (1, 10, 100, 300) if context.full else (1, 10, 30):
        series = folder / f"series{count}"
        series.mkdir()
        for i in range(count):
            files.safetensors(series / f"model-{i}.safetensors", [(256, 256), (256,)] * 4, seed=i)
        taken, peak = run(
            command("report", str(series), "-o", str(folder / f"out{count}"), "--no-pdf", "--settle", "0")
        )
        yield Measurement(f"report on {count} checkpoints of 1 MB, HTML", taken)
        yield Measurement(f"report on {count} checkpoints of 1 MB, HTML: peak", peak, unit="MB")


def _measured(what: str, path: Path) -> Iterator[Measurement]:
    nbytes = path.stat().st_size
    taken, peak = run(command("inspect", str(path), "--json"))
    yield Measurement(what, taken, rate=nbytes / taken / 1e9)
    yield Measurement(f"{what}: peak", peak, goal="≤ 250 MB", met=peak <= PEAK, unit="MB")
