"""A page as a PDF, made in a child process that has a time limit and takes its memory with it."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from subprocess import PIPE
from typing import IO, cast

from reporter.errors import RenderError
from reporter.model.page import Page

REFUSED = 3
"""Exit code of the child when its stdout is the reason instead of a PDF."""

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
    """A file inside the PDF; readers save it under ``name``."""

    name: str
    data: bytes
    description: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What the child gets; ``created`` is the only clock it knows."""

    page: Page
    attachments: tuple[Attachment, ...]
    created: datetime


class Printer:
    """A child process that makes one PDF: started before the page is there, it is ready when the page is.

    Used as a context, at whose end the child is gone, whatever became of it.
    """

    def __init__(self, created: datetime, *, limit: float = 300.0) -> None:
        """Nothing is started yet.

        Args:
            created: time zone aware; printed as UTC in the document's properties.
            limit: seconds from :meth:`send` on, after which the child is killed.

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
                with suppress(OSError):  # what the child no longer takes
                    cast(IO[bytes], pipe).close()
            self._child.wait()
            os.close(self._lifeline)

    def start(self) -> None:
        """Have the child load what it needs meanwhile; for callers who know already that there will be a page."""
        path = [entry or str(Path.cwd()) for entry in sys.path]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(self._created.timestamp()))}  # read by fontTools
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
        """Have a page printed, with files to embed, which its last page lists; this returns at once."""
        self._title = page.title
        self.start()
        if self._child is not None:
            job = pickle.dumps(Job(page, tuple(attachments), self._created))
            self._answer = self._talk.submit(self._child.communicate, job, self._limit)

    def receive(self) -> bytes:
        """The PDF, once it is finished.

        Raises:
            RenderError: Pango is not installed, the limit was reached, or the document is broken; go on with HTML
                alone.
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
    """A tagged PDF (PDF/UA-1) by a :class:`Printer` of its own; the same arguments give the same bytes.

    About 1 ms per table cell: hand over a page whose tables are capped. Calls from several threads run in parallel.

    Raises:
        RenderError: as :class:`Printer` does.
    """
    with Printer(created, limit=limit) as printer:
        printer.send(page, attachments)
        return printer.receive()
