"""``python -m bench [--full] [FAMILY …]``: measure, print a table, and append it to ``bench/results``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench import folder, growth, in_memory, many, notebook, pages, peers, reading, reports, spectra, training
from bench.row import Context, Measurement
from reporter.measuring.kernels.machine import processor

FAMILIES: dict[str, Callable[[Context], Iterator[Measurement]]] = {
    "memory": in_memory.rows,
    "reading": reading.rows,
    "reports": reports.rows,
    "growth": growth.rows,
    "many": many.rows,
    "folder": folder.rows,
    "notebook": notebook.rows,
    "pages": pages.rows,
    "spectra": spectra.rows,
    "training": training.rows,
    "peers": peers.rows,
}
DEFAULT = ("memory", "reading", "reports", "growth", "many", "folder", "notebook", "pages", "spectra")
"""The families that are measured if none is named; ``peers`` installs another tool first, ``training`` trains a
ResNet50 for minutes."""
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "numba", "h5py", "tensorflow", "safetensors", "matplotlib", "weasyprint")
"""The packages whose versions are recorded with the results."""


def main() -> None:
    """Measure the families, print each row of the table as soon as it is known, and record all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the sizes of the design; takes a while and 10 GB of disk")
    parser.add_argument("families", nargs="*", default=DEFAULT, metavar="FAMILY", help=", ".join(FAMILIES))
    arguments = parser.parse_args()
    about = machine()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'':66}{'ours':>11}{'GB/s':>7}{'reference':>11}{'ratio':>8}  goal")
    rows: list[Measurement] = []
    for family in arguments.families:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for row in FAMILIES[family](Context(arguments.full, folder)):
                rows.append(row)
                print(line(row), flush=True)
    record = {"created": datetime.now(UTC).isoformat(timespec="seconds"), **about, "rows": [asdict(r) for r in rows]}
    append(RESULTS / ("full.json" if arguments.full else "quick.json"), record)


def line(row: Measurement) -> str:
    """The row of the table for one measurement."""
    reference = f"{quantity(row.reference, row.unit):>11}" if row.against else " " * 11
    ratio = f"{row.ratio:8.3g}" if row.ratio else " " * 8
    met = "" if row.met is None else ": met" if row.met else ": NOT met"
    against = f" [{row.against}]" if row.against else ""
    rate = f"{row.rate:7.2f}" if row.rate else " " * 7
    return f"{row.name:66}{quantity(row.ours, row.unit):>11}{rate}{reference}{ratio}  {row.goal}{met}{against}"


def quantity(value: float, unit: str) -> str:
    """A number with its unit, such as ``12.3 ms``."""
    if unit == "s" and value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.4g} {unit}"


def machine() -> dict[str, str]:
    """What the results depend on: processor, with LLVM's name for its kind, load, and versions of packages."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [text.partition(":")[2].strip() for text in cpuinfo.read_text().splitlines() if "model name" in text]
        model = names[0] if names else model
    cpu = f"{model} ({processor()[0]})"
    about = {"cpu": cpu, "processors": str(os.cpu_count()), "python": platform.python_version()}
    if hasattr(os, "getloadavg"):
        about["load"] = f"{os.getloadavg()[0]:.1f}"  # above the number of processors, times are too long
    for package in PACKAGES:
        try:
            about[package] = version(package)
        except PackageNotFoundError:
            continue
    return about


def append(path: Path, record: dict[str, object]) -> None:
    """Append the results of a run to a JSON file, which holds a list of runs."""
    runs = json.loads(path.read_text()) if path.exists() else []
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([*runs, record], indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
