"""Write the output folder so that readers see all of a run or nothing of it.

A run is written to a temporary folder, made durable (``fsync``), and renamed to its final name. Only then the link
``latest`` is switched to it.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from reporter.errors import OutputBusy, OutputError
from reporter.model.output import LOCK, MARKER, UNFINISHED, marker
from reporter.writers.aside import Content

AT_ONCE = 8
"""Files that are written to the disk at a time."""

RUNS, LATEST, _NEW_LINK = "runs", "latest", ".latest-"


@contextmanager
def output_lock(out: Path) -> Iterator[None]:
    """Lock the output folder while the context is open, without waiting for another run that has locked it.

    Raises:
        OutputBusy: another run writes to this folder.
        OutputError: the folder cannot be made or written, or something else stands where ``latest`` belongs.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise OutputBusy(f"{out}: another run is writing here; wait for it, or give another folder with -o") from None
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror}); give another folder with -o") from error
    try:
        try:
            _check_latest(out)
            _tidy(out)
        except OSError as error:
            raise OutputError(f"{out}: what is in it cannot be looked at ({error.strerror})") from error
        yield
    finally:
        lock.release()


def run_name(out: Path, created: datetime, identity: str) -> str:
    """The name of the folder of a run, which no run has yet. No other can take it while the output folder is locked.

    Args:
        out: the output folder.
        created: time of the run in UTC, the first part of the name.
        identity: the second part, which distinguishes runs of the same second.
    """
    first = name = f"{created:%Y%m%dT%H%M%SZ}-{identity}"
    attempt = 0
    while os.path.lexists(out / RUNS / name):
        attempt += 1
        name = f"{first}-{attempt}"
    return name


def publish(out: Path, created: datetime, identity: str, files: Mapping[str, Content], *, latest: bool = True) -> Path:
    """Write the files of one run, so that a reader sees all of them or none.

    Args:
        out: the output folder.
        created, identity: what the run's folder is named by, see :func:`run_name`.
        files: the content of each file, by its path relative to the run's folder; what lies aside is moved there.
        latest: whether the link ``latest`` is switched to this run.

    Returns:
        ``out/runs/<utc time>-<identity>``.

    Raises:
        OutputError: it could not be written; nothing is left behind, and ``latest`` points where it did before.
    """
    runs = out / RUNS
    target = runs / run_name(out, created, identity)
    temporary: Path | None = None
    try:
        runs.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=runs))
        temporary.chmod(0o755)
        files = {MARKER: marker(target.name), **files}
        written = {temporary / relative: content for relative, content in files.items()}
        folders = sorted({path.parent for path in written}, reverse=True)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for path, content in written.items():
            if isinstance(content, Path):
                content.replace(path)
            else:
                path.write_bytes(content)
        _to_disk([*written])
        for folder in folders:
            _make_durable(folder)
        temporary.rename(target)
        temporary = target
        _make_durable(runs)
        if latest:
            _point(out, target)
    except BaseException as error:
        # Until it is renamed, a run of the same second may have the name that this one was to get.
        renamed = temporary == target
        if temporary is not None and not (renamed and _is_latest(out, target)):
            shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise OutputError(f"{out}: the report could not be written ({error.strerror})") from error
        raise
    with suppress(OSError):  # readers see the new report already; a power failure may cost the switch of the link
        _make_durable(out)
    return target


def write_index(out: Path, page: bytes, made_by: str) -> None:
    """Write the page over all runs.

    Args:
        out: the output folder.
        page: as bytes.
        made_by: what a page of ours has in its head: another one at its place is left as it is.

    Raises:
        OutputError: it cannot be written, or another file stands there.
    """
    path = out / "index.html"
    try:
        with path.open("rb") as file:
            if made_by.encode() not in file.read(1000):
                raise OutputError(
                    f"{path}: is no page of ckpt-report, and left as it is; move it away, or give another -o"
                )
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror})") from error
    write_file(path, page)


def write_file(path: Path, content: bytes) -> None:
    """Write one file, so that a reader sees the old or the new content, but never a part.

    Raises:
        OutputError: it could not be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _make_durable(path.parent)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); name a file in a folder that exists"
        ) from error


def _point(out: Path, target: Path) -> None:
    """Switch ``latest`` to a run atomically: a new link is renamed over the old one."""
    new = out / f"{_NEW_LINK}{os.getpid()}"
    new.unlink(missing_ok=True)
    try:
        new.symlink_to(Path(RUNS) / target.name)
        new.replace(out / LATEST)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _is_latest(out: Path, target: Path) -> bool:
    """Whether ``latest`` was switched to this run already, before an error occurred."""
    try:
        return (out / LATEST).readlink() == Path(RUNS) / target.name
    except OSError:
        return False


def _check_latest(out: Path) -> None:
    """Check before measuring, which may take an hour, that a link can be put at ``latest`` without doing harm.

    Raises:
        OutputError: a folder or a file stands where the link belongs.
    """
    latest = out / LATEST
    if os.path.lexists(latest) and not latest.is_symlink():
        what = "a folder" if latest.is_dir() else "a file"
        advice = f"move it away (mv {latest} {latest}-old), or give another folder with -o"
        raise OutputError(f"{latest}: {what} stands where the link to the last report belongs; {advice}")


def _tidy(out: Path) -> None:
    """Remove what killed runs left behind. The lock is held, so no other run is using these files."""
    unfinished = f"{UNFINISHED}*"
    for left in (*(out / RUNS).glob(unfinished), *out.glob(f"{_NEW_LINK}*"), *out.glob(unfinished)):
        if not left.is_symlink() and left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _to_disk(paths: Sequence[Path]) -> None:
    """Write files to the disk, several at a time: it takes about as long for each of them alone.

    Measured with the 220 files of a report: 50 ms in place of 190 ms, and 70 ms in place of 560 ms while others write.
    """
    try:
        with ThreadPoolExecutor(AT_ONCE, "publish") as pool:
            for _ in pool.map(_file_to_disk, paths):
                pass
    except RuntimeError:  # no more threads may be started
        for path in paths:
            _file_to_disk(path)


def _file_to_disk(path: Path) -> None:
    with path.open("rb+", buffering=0) as file:
        os.fsync(file.fileno())


def _make_durable(folder: Path) -> None:
    """Write a folder's list of names to the disk, if its file system supports that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)
