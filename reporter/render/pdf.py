"""Render a page as a PDF, in a child process with a time limit, whose memory is free again once it ends."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from subprocess import PIPE
from typing import IO, cast

from reporter.errors import RenderError
from reporter.frozen import dataclass
from reporter.model.page import Page

REFUSED = 3
"""Exit code of the child if there is no PDF, and its standard output says why."""

# The program of the child. Its arguments are a file descriptor, with whose other end it ends, and the search path.
_CHILD = """
import sys
sys.path[:] = sys.argv[2:]
from reporter.lifeline import die_with
die_with(int(sys.argv[1]))
from reporter.render.worker import main
sys.exit(main())
"""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is embedded in a PDF.

    Attributes:
        name: under which a reader saves it.
        data: its content.
        description: one line on what it is, shown in the list of attachments.
    """

    name: str
    data: bytes
    description: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What the child process gets.

    Attributes:
        page: the page.
        attachments: the files to embed.
        created: the time that the document gives as that of its creation. The child uses no other clock, so that the
            same job gives the same bytes.
    """

    page: Page
    attachments: tuple[Attachment, ...]
    created: datetime


class Printer:
    """A child process that makes one PDF.

    It can be started before the page is ready, as it takes a second to load WeasyPrint. It is a context manager: when
    the context ends the process is gone, whatever happened.
    """

    def __init__(self, created: datetime, *, limit: float = 300.0) -> None:
        """Prepare a printer; no process is started yet.

        Args:
            created: time of creation for the properties of the document, with a time zone.
            limit: seconds after :meth:`send` after which the child is killed.

        Raises:
            RenderError: the time has no zone.
        """
        if created.tzinfo is None:
            raise RenderError("the PDF's time of creation has no time zone")
        self._created, self._limit, self._title = created, limit, ""
        self._child: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._problem = "nothing was sent"
        self._talk = ThreadPoolExecutor(1, "pdf")
        self._answer: Future[tuple[bytes, bytes]] | None = None

    def __enter__(self) -> Printer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            if self._child.poll() is None:
                self._child.kill()
            self._talk.shutdown()
            for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
                with suppress(OSError):  # data that the child did not read before it ended
                    cast(IO[bytes], pipe).close()
            self._child.wait()
            os.close(self._lifeline)

    def start(self) -> None:
        """Start the child, which loads what it needs; for callers that will have a page later."""
        path = [entry or str(Path.cwd()) for entry in sys.path]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(self._created.timestamp()))}  # for fontTools
        if self._child is None:
            try:
                lifeline, self._lifeline = os.pipe()
            except OSError as exc:
                self._problem = f"cannot start {sys.executable}: {exc.strerror}"
                return
            command = [sys.executable, "-P", "-c", _CHILD, str(lifeline), *path]
            try:
                self._child = subprocess.Popen(
                    command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, pass_fds=(lifeline,)
                )
            except OSError as exc:
                os.close(self._lifeline)
                self._problem = f"cannot start {sys.executable}: {exc.strerror}"
            finally:
                os.close(lifeline)

    def send(self, page: Page, attachments: Sequence[Attachment]) -> None:
        """Give the child a page and the files to embed, which the last page of the PDF lists; returns at once."""
        self._title = page.title
        self.start()
        if self._child is not None:
            job = pickle.dumps(Job(page, tuple(attachments), self._created))
            self._answer = self._talk.submit(self._child.communicate, job, self._limit)

    def receive(self) -> bytes:
        """Wait for the PDF.

        Raises:
            RenderError: Pango is not installed, the limit was reached, or the document is broken. Callers then go on
                with HTML alone.
        """
        if self._child is None or self._answer is None:
            raise self._failed(self._problem)
        try:
            printed, errors = self._answer.result()
        except subprocess.TimeoutExpired as exc:
            raise self._failed(f"not finished after {self._limit:g} s") from exc
        said = errors.decode(errors="replace").strip()
        if self._child.returncode == REFUSED:
            raise self._failed(printed.decode(errors="replace"))
        if self._child.returncode or not printed.startswith(b"%PDF-"):
            raise self._failed(f"the renderer ended with code {self._child.returncode}: {said[-2000:]}")
        if said:
            _LOG.warning("PDF of %r: %s", self._title, said)
        return printed

    def _failed(self, why: str) -> RenderError:
        return RenderError(f"PDF of {self._title!r}: {why}")


def render_pdf(page: Page, attachments: Sequence[Attachment], created: datetime, *, limit: float = 300.0) -> bytes:
    """Render one page as a tagged PDF (PDF/UA-1); the same arguments give the same bytes.

    A table cell takes about 1 ms, so tables should be bounded. Calls from several threads run in parallel.

    Args:
        page: the page.
        attachments: files to embed.
        created: time of creation for the properties of the document, with a time zone.
        limit: seconds after which rendering is given up.

    Raises:
        RenderError: as :class:`Printer` does.
    """
    with Printer(created, limit=limit) as printer:
        printer.send(page, attachments)
        return printer.receive()
