"""``python -m bench.check [FAMILY …]``: measure anew, and name what has become slower beside its reference.

Times depend on the machine and on its load, ratios to a reference that runs in turn hardly do. The ratio of each row is
compared with the last one of the same name in ``bench/results``. Where it is much larger, its family is measured once
more, and the better of both counts. Nothing is appended to the results.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.__main__ import FAMILIES, RESULTS, machine
from bench.row import Context, Measurement

TOLERATED = 0.15
"""By how much a ratio may grow."""

CHECKED = ("memory", "reading", "reports")
"""The families that are measured if none is named: those whose rows have references."""


@dataclass(frozen=True)
class Compared:
    """A row beside the last one that was recorded.

    Attributes:
        name: what was done, and the reference.
        before: the ratio in the results.
        now: the ratio that was measured.
    """

    name: str
    before: float
    now: float

    @property
    def growth(self) -> float:
        """By how much the ratio has grown, 0.5 for half as large again."""
        return self.now / self.before - 1


def main() -> int:
    """Measure, print each row, and name regressions.

    Returns:
        The exit code: 1 where something has become slower, 2 where nothing could be compared.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.check", description=__doc__)
    parser.add_argument("families", nargs="*", default=CHECKED, metavar="FAMILY", help=", ".join(FAMILIES))
    families = parser.parse_args().families
    path = RESULTS / "quick.json"
    records = json.loads(path.read_text()) if path.exists() else []
    found = [one for family in families for one in checked(family, records)]
    for one in found:
        print(f"{one.name:100}{one.before:8.3g} → {one.now:8.3g}  {one.growth:+.0%}")
    if not found:
        print("nothing to compare: run `make bench` first")
        return 2
    told = {str(record.get("cpu")) for record in records}
    if (cpu := machine()["cpu"]) not in told:
        print(f"no results of this processor, {cpu}: ratios of another one differ as well")
    slower = regressions(found)
    for one in slower:
        print(f"slower: {one.name}: {one.growth:+.0%}")
    return 1 if slower else 0


def checked(family: str, records: Sequence[dict[str, Any]]) -> list[Compared]:
    """Measure a family, where something seems slower twice."""
    first = compared(_measured(family), records)
    if not regressions(first):
        return first
    again = {one.name: one.now for one in compared(_measured(family), records)}
    return [Compared(one.name, one.before, min(one.now, again.get(one.name, one.now))) for one in first]


def _measured(family: str) -> list[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return list(FAMILIES[family](Context(full=False, folder=folder)))


def compared(rows: Iterable[Measurement], records: Sequence[dict[str, Any]]) -> list[Compared]:
    """Rows with a reference beside the last record of the same; those without a record are left out.

    Args:
        rows: measured now.
        records: of runs, the latest one last, as they are in ``bench/results``.
    """
    last = {(row["name"], row["against"]): row["ratio"] for record in records for row in record["rows"] if row["ratio"]}
    return [
        Compared(f"{row.name} [{row.against}]", last[row.name, row.against], row.ratio)
        for row in rows
        if row.ratio and (row.name, row.against) in last
    ]


def regressions(found: Iterable[Compared]) -> list[Compared]:
    """Those whose ratio has grown by more than is tolerated, the worst first."""
    return sorted((one for one in found if one.growth > TOLERATED), key=lambda one: -one.growth)


if __name__ == "__main__":
    raise SystemExit(main())
