"""The runs that are kept in the output folder: which there are, and which are deleted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reporter.model.finding import Verdict
from reporter.model.kept import Kept
from reporter.model.output import MARKER, UNFINISHED, marker
from reporter.writers.publish import LATEST, RUNS
from reporter.writers.summary_json import NAME

MOST_BYTES = 16_000_000
"""A larger summary.json is none of ours."""

_FORMAT = "%Y%m%dT%H%M%SZ"


def kept_runs(out: Path) -> tuple[Kept, ...]:
    """All runs in an output folder, the last one first. What this program has not made is none."""
    return in_order(kept for folder in _folders(out) if (kept := _kept(folder)) is not None)


def in_order(runs: Iterable[Kept]) -> tuple[Kept, ...]:
    """The last one first."""
    return tuple(sorted(runs, key=lambda kept: (kept.created, kept.name), reverse=True))


def prune(out: Path, runs: Sequence[Kept], now: datetime, keep_last: int, keep_days: float) -> tuple[Kept, ...]:
    """Delete old runs, but never the one that ``latest`` points to. The output folder has to be locked.

    Args:
        out: the output folder.
        runs: in it, the last one first.
        now: until which their age counts.
        keep_last: so many are kept; 0: this keeps none by itself.
        keep_days: those up to this age are kept; 0: this keeps none by itself. Where both are 0, all are kept.

    Returns:
        those that are left.
    """
    latest = _latest(out)
    old = condemned(runs, latest, now, keep_last, keep_days)
    gone = {run.name for run in old if _deleted(out / RUNS / run.name)}
    return tuple(run for run in runs if run.name not in gone)


def condemned(runs: Sequence[Kept], latest: str, now: datetime, keep_last: int, keep_days: float) -> list[Kept]:
    """Those runs that are to be deleted.

    Args:
        runs: the last one first.
        latest: the name of the one that people are led to, which stays.
        now, keep_last, keep_days: as of :func:`prune`.
    """
    if not keep_last and not keep_days:
        return []

    def stays(at: int, run: Kept) -> bool:
        young = keep_days > 0 and now - run.created <= timedelta(days=keep_days)
        return at < keep_last or young or run.name == latest

    return [run for at, run in enumerate(runs) if not stays(at, run)]


def _folders(out: Path) -> Iterator[Path]:
    """Folders of runs, by the marker in each, which names it: a copy from elsewhere under another name is none."""
    with suppress(OSError):
        for folder in (out / RUNS).iterdir():
            with suppress(OSError):
                own = (folder / MARKER).read_bytes() == marker(folder.name)
                if own and not folder.is_symlink() and not folder.name.startswith(UNFINISHED):
                    yield folder


def _deleted(folder: Path) -> bool:
    """Delete a run. Its readers see all of it or nothing, as it is renamed first to what runs clear away."""
    aside = folder.with_name(f"{UNFINISHED}old-{folder.name}")
    try:
        folder.rename(aside)
    except OSError:
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _latest(out: Path) -> str:
    try:
        return (out / LATEST).readlink().name
    except OSError:
        return ""


def _kept(folder: Path) -> Kept | None:
    summary, pdf = b"", False  # of an earlier version, or damaged
    with suppress(OSError):
        pdf = (folder / "report.pdf").is_file()
        path = folder / NAME
        if path.stat().st_size <= MOST_BYTES:
            summary = path.read_bytes()
    return described(folder.name, summary, pdf=pdf)


def described(name: str, summary: bytes, *, pdf: bool) -> Kept | None:
    """A run by its name and its summary.json, of which there may be none that can be used; None: it is no run."""
    try:
        created = datetime.strptime(name.split("-")[0], _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    try:
        return _summarised(json.loads(summary), name, created, pdf=pdf)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Kept(name, created, pdf=pdf)


def _summarised(record: Any, name: str, created: datetime, *, pdf: bool) -> Kept:
    counts, checkpoints = record["counts"], record["checkpoints"]
    newest, since = checkpoints["newest"], record["since_last"]
    compared = since["counts"] if since and since["compared"] else {}
    new, worse, resolved = (None if not compared else int(compared[key]) for key in ("new", "worse", "resolved"))
    return Kept(
        name,
        created,
        str(record["title"]),
        Verdict(record["verdict"]),
        int(counts["FAIL"]),
        int(counts["WARN"]),
        new,
        worse,
        resolved,
        int(checkpoints["measured"]),
        str(newest["name"]) if newest else "",
        float(newest["age_seconds"]) if newest else None,
        pdf,
    )
