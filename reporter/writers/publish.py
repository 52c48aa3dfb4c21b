"""The output folder: written aside, made durable, renamed into place, and only then pointed to by ``latest``."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from reporter.errors import OutputBusy, OutputError
from reporter.model.output import MARKER, UNFINISHED, marker


@contextmanager
def output_lock(out: Path) -> Iterator[None]:
    """Hold the output folder; another run that holds it raises at once.

    Raises:
        OutputBusy: another run writes to this folder.
        OutputError: the folder cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise OutputBusy(f"{out}: another run is writing here; wait for it, or give another folder with -o") from None
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror}); give another folder with -o") from error
    try:
        yield
    finally:
        lock.release()


def publish(out: Path, created: datetime, identity: str, files: Mapping[str, bytes], *, latest: bool = True) -> Path:
    """Write the files of one run; a reader sees all of them or none.

    Args:
        out: the output folder.
        created: names the run, in UTC.
        identity: short suffix that tells runs of the same second apart.
        files: relative path -> content.
        latest: whether ``latest`` points to this run from now on.

    Returns:
        ``out/runs/<utc time>-<identity>``.

    Raises:
        OutputError: it could not be written; nothing is left behind, and ``latest`` stands as it was.
    """
    runs = out / "runs"
    name = f"{created:%Y%m%dT%H%M%SZ}-{identity}"
    target = runs / name
    temporary: Path | None = None
    try:
        runs.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=runs))
        temporary.chmod(0o755)
        attempt = 0
        while target.exists():  # nobody else makes one: the output folder is locked
            attempt += 1
            target = runs / f"{name}-{attempt}"
        for relative, content in {MARKER: marker(target.name), **files}.items():
            path = temporary / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        temporary.rename(target)
        if latest:
            _point(out, target)
    except OSError as error:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        raise OutputError(f"{out}: the report could not be written ({error.strerror})") from error
    return target


def write_file(path: Path, content: bytes) -> None:
    """Write one file, so that a reader sees the old or the new one, never a part.

    Raises:
        OutputError: it could not be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); name a file in a folder that exists"
        ) from error


def _point(out: Path, target: Path) -> None:
    """Swap ``latest`` atomically: a new link is renamed over the old one."""
    link = out / "latest"
    new = out / f".latest-{os.getpid()}"
    new.unlink(missing_ok=True)
    new.symlink_to(Path("runs") / target.name)
    new.replace(link)
