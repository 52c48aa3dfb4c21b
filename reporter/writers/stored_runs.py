"""Runs in an object store: the folder of a run first, then a small pointer to it, as stores know no links.

::

    s3://bucket/reports/runs/<utc time>-<identity>-<chance>/…    its marker is written last, when all others are there
    s3://bucket/reports/latest.json                              which run is the last one; written after that
    s3://bucket/reports/index.html                               the page over all runs

No store can rename a folder or lock one. So a folder without its marker counts as no run, and is cleared away when it
is a day old; and two runs at the same time write two folders, of which the one that ends last is the latest.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from reporter.errors import OutputError
from reporter.model.kept import Kept
from reporter.model.news import Memory
from reporter.model.output import MARKER, POINTER, UNFINISHED, marker
from reporter.storage import Details, StoredFolder, StoreError
from reporter.writers import findings_json, summary_json
from reporter.writers.aside import IN_MEMORY, Aside, Content, read
from reporter.writers.kept_runs import MOST_BYTES, condemned, described, in_order
from reporter.writers.publish import RUNS
from reporter.writers.report_json import to_bytes

PROBE = f"{UNFINISHED}probe"
"""An empty object that is written and deleted before anything is measured: whether this may be written to."""

MADE_BY = "ckpt-report"
MOST_POINTER = 10_000
_DAY = 86_400e9


class StoredRuns:
    """A folder of a store that reports go to."""

    def __init__(self, url: str) -> None:
        """Nothing is asked of the store yet.

        Raises:
            SettingError: the address names no folder that can be written to, or a library is missing.
        """
        self._folder = StoredFolder(url)
        self._out = Path(self._folder.url)
        self._chance = os.urandom(3).hex()  # nobody can hold a name in a store: so nobody else may choose the same

    @property
    def scratch(self) -> Path | None:
        """Copies of this process leave their files in the system's own folder."""
        return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Check that the store can be written to, and that no pointer of others is in the way."""
        try:
            self._pointed()
            self._folder.write({PROBE: b""})
            with suppress(StoreError):  # some may write, but not delete: then it stays, and the next run writes over it
                self._folder.remove([PROBE])
        except StoreError as error:
            raise OutputError(
                f"{self._folder.url}: cannot be written ({error.reason}); give another address with -o"
            ) from error
        yield

    def run_name(self, created: datetime, identity: str) -> str:
        """The name of the run's folder; the same whenever this object is asked."""
        return f"{created:%Y%m%dT%H%M%SZ}-{identity}-{self._chance}"

    def memory(self) -> tuple[Memory | None, str]:
        """What the run left that the pointer names."""
        place = f"{self._folder.url}/{POINTER}"
        try:
            run = self._pointed()
            if not run:
                return None, ""
            place = f"{self._folder.url}/{RUNS}/{run}/{findings_json.NAME}"
            data = self._folder.read(f"{RUNS}/{run}/{findings_json.NAME}", findings_json.MOST_BYTES)
        except FileNotFoundError:
            return None, ""  # the run is deleted, or of a version that left nothing
        except StoreError as error:
            return None, f"{place}: cannot be read ({error.reason})"
        return findings_json.memory_in(data, place)

    def aside(self) -> AbstractContextManager[Aside]:
        """Files stay in memory until they are uploaded: a machine that has none but stored files may lack the room."""
        return nullcontext(IN_MEMORY)

    def publish(self, created: datetime, identity: str, files: Mapping[str, Content], *, latest: bool) -> Path:
        """Upload a run, see that all of it is there, mark it, and only then lead people to it.

        Raises:
            OutputError: nothing of it is left behind, as far as the store lets it be deleted; where only the pointer
                could not be written, the run stays.
        """
        name = self.run_name(created, identity)
        uploaded = {f"{RUNS}/{name}/{relative}": read(content) for relative, content in files.items()}
        mark = f"{RUNS}/{name}/{MARKER}"
        try:
            self._folder.write(uploaded)
            self._require(uploaded, name)
            self._folder.write({mark: marker(name)})
        except BaseException as error:
            with suppress(StoreError):
                self._folder.remove([mark, *uploaded])
            if isinstance(error, StoreError):
                raise OutputError(
                    f"{self._folder.url}: the report could not be uploaded ({error.reason}); "
                    f"{POINTER} is as it was, and what was measured is in the cache"
                ) from error
            raise
        if latest:
            try:
                self._folder.write({POINTER: _pointer(name)})
            except StoreError as error:
                raise OutputError(
                    f"{self._folder.url}: the report is complete in {RUNS}/{name}, but {POINTER} could not be written "
                    f"({error.reason})"
                ) from error
        return self._out / RUNS / name

    def page(self, folder: Path, *, latest: bool) -> Path:
        """That in the run's folder: there is no link."""
        return folder / "index.html"

    def pruned(self, now: datetime, keep_last: int, keep_days: float) -> tuple[Kept, ...]:
        """Delete old runs, and what is left of uploads that never ended; returns the runs that are left.

        Raises:
            OutputError: the store cannot be listed, or something could not be deleted.
        """
        try:
            folders = _by_folder(self._folder.objects(RUNS))
            self._clear(folders)
            names = [name for name, files in folders.items() if _has(files, MARKER, MOST_POINTER)]
            marks = self._folder.read_some([f"{RUNS}/{name}/{MARKER}" for name in names], MOST_POINTER)
            # A copy from elsewhere under another name is no run.
            names = [name for name in names if marks.get(f"{RUNS}/{name}/{MARKER}") == marker(name)]
            small = [name for name in names if _has(folders[name], summary_json.NAME, MOST_BYTES)]
            told = self._folder.read_some([f"{RUNS}/{name}/{summary_json.NAME}" for name in small], MOST_BYTES)
            runs = in_order(
                kept
                for name in names
                if (kept := self._described(name, folders[name], told.get(f"{RUNS}/{name}/{summary_json.NAME}", b"")))
            )
            old = condemned(runs, self._pointed(), now, keep_last, keep_days)
            for run in old:
                # Without its marker it is no run any more: nobody is led to a half of it.
                self._folder.remove([f"{RUNS}/{run.name}/{MARKER}"])
                self._folder.remove([f"{RUNS}/{run.name}/{name}" for name in folders[run.name]])
        except StoreError as error:
            raise OutputError(f"{self._folder.url}: its runs could not be looked through ({error.reason})") from error
        return tuple(run for run in runs if run not in old)

    def write_index(self, page: bytes, made_by: str) -> None:
        """Write the page over all runs.

        Raises:
            OutputError: it cannot be written, or another file stands there.
        """
        name = "index.html"
        url = f"{self._folder.url}/{name}"
        try:
            with suppress(FileNotFoundError):
                if made_by.encode() not in self._folder.read(name, MOST_BYTES)[:1000]:
                    raise OutputError(
                        f"{url}: is no page of ckpt-report, and left as it is; move it away, or give another -o"
                    )
            self._folder.write({name: page})
        except StoreError as error:
            raise OutputError(f"{url}: cannot be written ({error.reason})") from error

    def _described(self, name: str, files: Mapping[str, Details], summary: bytes) -> Kept | None:
        return described(name, summary, pdf="report.pdf" in files)

    def _pointed(self) -> str:
        """The name of the run that the pointer names, "" if there is no pointer.

        Raises:
            StoreError: it cannot be read.
            OutputError: it is none of this program's, which is not written over.
        """
        try:
            record: Any = json.loads(self._folder.read(POINTER, MOST_POINTER))
            if record["made_by"] == MADE_BY and isinstance(run := record["run"], str) and "/" not in run:
                return run
        except FileNotFoundError:
            return ""
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise OutputError(
            f"{self._folder.url}/{POINTER}: was not written by ckpt-report, and is left as it is; move it away, or "
            "give another address with -o"
        )

    def _require(self, uploaded: Mapping[str, bytes], name: str) -> None:
        """See that the store has every file in full.

        Raises:
            StoreError: it lacks one.
        """
        there = self._folder.objects(f"{RUNS}/{name}")
        for place, content in uploaded.items():
            if place not in there or there[place].size != len(content):
                raise StoreError(f"{place} is not there as it was written")

    def _clear(self, folders: Mapping[str, Mapping[str, Details]]) -> None:
        """Delete what uploads have left that never ended; one that is younger than a day may still go on."""
        now = time.time_ns()
        for name, files in folders.items():
            newest = max(details.modified for details in files.values())
            if MARKER not in files and described(name, b"", pdf=False) and 0 < newest < now - _DAY:
                self._folder.remove([f"{RUNS}/{name}/{file}" for file in files])


def _by_folder(objects: Mapping[str, Details]) -> dict[str, dict[str, Details]]:
    """Name of a run -> its files."""
    found: dict[str, dict[str, Details]] = {}
    for place, details in objects.items():
        _, name, *file = place.split("/", 2)
        if file:
            found.setdefault(name, {})[file[0]] = details
    return found


def _has(files: Mapping[str, Details], name: str, most: int) -> bool:
    """Whether a run has a file, and not a larger one than this program writes, which reading it would refuse."""
    return name in files and files[name].size <= most


def _pointer(name: str) -> bytes:
    return to_bytes({"version": 1, "made_by": MADE_BY, "run": name, "page": f"{RUNS}/{name}/index.html"})
