"""CSV files with a row for each epoch or step, as ``keras.callbacks.CSVLogger`` writes them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from reporter.metrics.logged import Log
from reporter.metrics.rows import EPOCHS, STEPS, Rows
from reporter.metrics.source import Source, lines_of, text_of

SEPARATORS = ",;\t"


def _header(line: str) -> tuple[list[str], str]:
    """The columns of a first line, and what separates them."""
    separator = max(SEPARATORS, key=line.count)
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])], separator
    except csv.Error:
        return [], separator


def begins(head: bytes) -> bool:
    """Whether the first line names columns, one of which counts steps or epochs."""
    line = head.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
    columns, _ = _header(line)
    known = {*STEPS, *EPOCHS}
    return len(columns) > 1 and any(c.lower() in known for c in columns) and all(_number(c) is None for c in columns)


def read(path: Path, log: Log) -> None:
    """Add every row. A cell that is empty or ``NA``, which CSVLogger writes for what an epoch lacks, is no value."""
    lines = lines_of(text_of(path), log)
    if not lines:
        log.notes.append("it holds no complete line yet")
        return
    columns, separator = _header(lines[0])
    rows, misfits = Rows(log), 0
    try:
        for cells in csv.reader(lines[1:], delimiter=separator):
            if not cells or [cell.strip() for cell in cells] == columns:  # the header again, of a resumed training
                continue
            misfits += len(cells) != len(columns)
            row = _row(columns, cells)
            if row:
                rows.add(row)
    except csv.Error as error:
        log.damage.append(f"it ends to be CSV: {error}")
    if misfits:
        log.damage.append(f"{misfits:,} rows have more or fewer cells than the first line")


def _row(columns: Sequence[str], cells: Sequence[str]) -> dict[str, float]:
    found = ((name, _number(cell)) for name, cell in zip(columns, cells, strict=False))
    return {name: value for name, value in found if value is not None}


def _number(cell: str) -> float | None:
    """The number of a cell, None where it holds none.

    >>> _number("0.5"), _number("nan"), _number("NA"), _number("[1. 2.]"), _number("")
    (0.5, nan, None, None, None)
    """
    try:
        return float(cell)
    except ValueError:
        return None


CSV_LOGGER = Source(
    title="CSV, as of Keras's CSVLogger",
    names=re.compile(r".*\.(csv|tsv|log)", re.IGNORECASE),
    begins=begins,
    read=read,
)
