"""Files of a run that wait on the disk until it is published: those of a large report are hundreds of megabytes."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reporter.errors import OutputError
from reporter.frozen import dataclass
from reporter.model.output import UNFINISHED

Content = bytes | Path
"""What a file of a run has in it, or the file that has it until the run is published."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Takes files as soon as they are made, from this process and its copies.

    Attributes:
        folder: for these files; None: all of them stay in memory.
    """

    folder: Path | None = None

    def keep(self, name: str, pieces: Iterable[bytes]) -> Content:
        """Keep what is made piece by piece; what is known by this name already has the same in it, and stays.

        Args:
            name: a file of the same folder.

        Raises:
            OutputError: it cannot be written.
        """
        if self.folder is None:
            whole = io.BytesIO()  # joining the pieces of a large file would hold it twice
            whole.writelines(pieces)
            return whole.getvalue()
        path = self.folder / name
        # Two processes may come to the same file, and one of them may be ended while it writes.
        unfinished = self.folder / f"{UNFINISHED}{os.getpid()}"
        try:
            if not path.exists():
                with unfinished.open("wb") as file:
                    file.writelines(pieces)
                unfinished.replace(path)
        except OSError as error:
            raise OutputError(f"{self.folder.parent}: cannot be written ({error.strerror})") from error
        return path

    def keep_named(self, name: str, data: bytes) -> Content:
        """Keep a file under its name and all that is in it: equal ones are kept once, others never mistaken for it."""
        if self.folder is None:
            return data
        digest = hashlib.sha256(data, usedforsecurity=False)
        digest.update(name.encode("utf-8", "surrogateescape"))
        return self.keep(digest.hexdigest(), (data,))


IN_MEMORY = Aside()


@contextmanager
def aside_in(folder: Path) -> Iterator[Aside]:
    """As a context, at whose end all is gone that was not published.

    Raises:
        OutputError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder, ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    with made as path:
        yield Aside(Path(path))


def with_end(content: Content, cut: int, end: bytes) -> Content:
    """The same with other last bytes, as many or more; a file is changed where it lies.

    Raises:
        OutputError: it cannot be written.
    """
    if isinstance(content, bytes):
        return b"".join([memoryview(content)[:-cut], end])
    try:
        with content.open("r+b") as file:
            file.seek(-cut, os.SEEK_END)
            file.write(end)
    except OSError as error:
        raise OutputError(f"{content.parents[1]}: cannot be written ({error.strerror})") from error
    return content


def size_of(content: Content) -> int:
    """Bytes of a file."""
    return content.stat().st_size if isinstance(content, Path) else len(content)


def read(content: Content) -> bytes:
    """All that is in a file."""
    return content.read_bytes() if isinstance(content, Path) else content
