"""``python -m bench.curves``: draw how time and memory grow, from the last results of the family ``growth``.

The pictures are ``bench/growth-*.png``, which README.md shows, with a line for the last such record of ``quick.json``
and of ``full.json``. Nothing is measured here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.__main__ import RESULTS

CURVES = {
    "size": (re.compile(r"([\d,]+) MiB in tensors of up to 512 MiB"), "MiB of one safetensors file, inspected"),
    "tensors": (re.compile(r"([\d,]+) tensors of 8 kB"), "tensors of 8 kB in one file, inspected"),
    "checkpoints": (re.compile(r"report on ([\d,]+) checkpoints of 1 MB, HTML"), "checkpoints of 1 MB, reported on"),
}
"""By the name of a picture: what its rows are called, with the number that grows, and what that is."""

Points = dict[int, float]


def main() -> None:
    """Draw a picture of each curve that has been measured."""
    for name, (rows, what) in CURVES.items():
        if lines := dict(_lines(rows)):
            Path(RESULTS.parent, f"growth-{name}.png").write_bytes(drawn(lines, what))


def _lines(rows: re.Pattern[str]) -> Iterator[tuple[str, tuple[Points, Points]]]:
    """Of each file with results the last record that has such rows: when it was made, and its points."""
    for file in ("full.json", "quick.json"):
        records = json.loads((RESULTS / file).read_text()) if (RESULTS / file).exists() else []
        for record in reversed(records):
            times, peaks = points(record, rows)
            if times:
                yield f"{record['created'][:10]}, load {record.get('load', 'unknown')}", (times, peaks)
                break


def points(record: Mapping[str, Any], rows: re.Pattern[str]) -> tuple[Points, Points]:
    """Seconds, and peaks of memory in MB, by the number that grows.

    >>> row = {"name": "10 tensors of 8 kB: peak", "ours": 99.0, "unit": "MB"}
    >>> points({"rows": [row, {"name": "10 tensors of 8 kB", "ours": 0.6, "unit": "s"}]}, CURVES["tensors"][0])
    ({10: 0.6}, {10: 99.0})
    """
    times: Points = {}
    peaks: Points = {}
    for row in record["rows"]:
        if match := rows.fullmatch(row["name"].removesuffix(": peak")):
            (peaks if row["unit"] == "MB" else times)[int(match[1].replace(",", ""))] = row["ours"]
    return dict(sorted(times.items())), dict(sorted(peaks.items()))


def drawn(lines: Mapping[str, tuple[Points, Points]], what: str) -> bytes:
    """Time and memory side by side, from 0 on, against the number that grows, whose axis is logarithmic."""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    for i, (axes, unit) in enumerate(zip(figure.subplots(1, 2), ("seconds", "peak of memory, MB"), strict=True)):
        for label, values in lines.items():
            axes.plot(list(values[i]), list(values[i].values()), marker="o", markersize=3, linewidth=1, label=label)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_title(unit, fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=6, frameon=False)
    figure.supxlabel(what, fontsize=8)
    file = BytesIO()
    figure.savefig(file, dpi=100, metadata={"Software": None})
    return file.getvalue()


if __name__ == "__main__":
    main()
