"""Where reports go: a folder of this machine, or an address of a store. Both have the same runs in them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from reporter.frozen import dataclass
from reporter.model.kept import Kept
from reporter.model.news import Memory
from reporter.places import address
from reporter.storage import local
from reporter.writers.aside import Aside, Content, aside_in
from reporter.writers.findings_json import read_memory
from reporter.writers.kept_runs import kept_runs, prune
from reporter.writers.publish import LATEST, RUNS, output_lock, publish, run_name, write_index
from reporter.writers.stored_runs import StoredRuns


class Destination(Protocol):
    """What a run asks of the place that its report goes to."""

    @property
    def scratch(self) -> Path | None:
        """A local folder for files that go before the run ends; None for the system's own."""
        ...

    def held(self) -> AbstractContextManager[None]:
        """While the context is open, a run may write here; what stands in its way is raised before it has begun.

        Raises:
            OutputError: nothing can be written here, or another run does.
        """
        ...

    def run_name(self, created: datetime, identity: str) -> str:
        """The name of the run's folder, see :func:`reporter.writers.publish.run_name`."""
        ...

    def memory(self) -> tuple[Memory | None, str]:
        """What the last run left, see :func:`reporter.writers.findings_json.read_memory`."""
        ...

    def aside(self) -> AbstractContextManager[Aside]:
        """As a context, the place for files that are made before they can be published.

        Raises:
            OutputError: nothing can be written there.
        """
        ...

    def publish(self, created: datetime, identity: str, files: Mapping[str, Content], *, latest: bool) -> Path:
        """Write the files of a run, so that a reader sees all of them or none; returns its folder.

        Raises:
            OutputError: it could not be written; what people are led to is as it was.
        """
        ...

    def page(self, folder: Path, *, latest: bool) -> Path:
        """What people open of a run that was published."""
        ...

    def pruned(self, now: datetime, keep_last: int, keep_days: float) -> tuple[Kept, ...]:
        """Delete old runs, see :func:`reporter.writers.kept_runs.prune`; returns those that are left.

        Raises:
            OutputError: which there are cannot be told.
        """
        ...

    def write_index(self, page: bytes, made_by: str) -> None:
        """Write the page over all runs, see :func:`reporter.writers.publish.write_index`.

        Raises:
            OutputError: it cannot be written, or another file stands there.
        """
        ...


def destination(out: Path) -> Destination:
    """The place that a path or an address leads to.

    Raises:
        SettingError: an address names no folder that can be written to, or a library is missing.
    """
    url = address(out)
    if url.startswith(("file:", "local:")):
        return _LocalRuns(local(out)[0])
    return StoredRuns(url) if url else _LocalRuns(out)


@dataclass(frozen=True, slots=True)
class _LocalRuns:
    """A folder of this machine."""

    out: Path

    @property
    def scratch(self) -> Path | None:
        return self.out

    def held(self) -> AbstractContextManager[None]:
        return output_lock(self.out)

    def run_name(self, created: datetime, identity: str) -> str:
        return run_name(self.out, created, identity)

    def memory(self) -> tuple[Memory | None, str]:
        return read_memory(self.out)

    def aside(self) -> AbstractContextManager[Aside]:
        return aside_in(self.out / RUNS)

    def publish(self, created: datetime, identity: str, files: Mapping[str, Content], *, latest: bool) -> Path:
        return publish(self.out, created, identity, files, latest=latest)

    def page(self, folder: Path, *, latest: bool) -> Path:
        return (self.out / LATEST if latest else folder) / "index.html"

    def pruned(self, now: datetime, keep_last: int, keep_days: float) -> tuple[Kept, ...]:
        return prune(self.out, kept_runs(self.out), now, keep_last, keep_days)

    def write_index(self, page: bytes, made_by: str) -> None:
        write_index(self.out, page, made_by)
