"""A page as a PDF, made in a child process that has a time limit and takes its memory with it."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reporter.errors import RenderError
from reporter.model.page import Page

REFUSED = 3
"""Exit code of the child when its stdout is the reason instead of a PDF."""

_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from reporter.render.worker import main; sys.exit(main())"
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


def render_pdf(page: Page, attachments: Sequence[Attachment], created: datetime, *, limit: float = 300.0) -> bytes:
    """A tagged PDF (PDF/UA-1); the same arguments give the same bytes.

    About 1 ms per table cell: hand over a page whose tables are capped. Calls from several threads run in parallel.

    Args:
        page: what to print.
        attachments: files to embed; the last page lists them.
        created: time zone aware; printed as UTC in the document's properties.
        limit: seconds after which the child is killed.

    Raises:
        RenderError: Pango is not installed, the limit was reached, or the document is broken; go on with HTML alone.
    """
    if created.tzinfo is None:
        raise RenderError("the PDF's time of creation has no time zone")
    job = pickle.dumps(Job(page, tuple(attachments), created))
    path = [entry or str(Path.cwd()) for entry in sys.path]
    command = [sys.executable, "-P", "-c", _CHILD, *path]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(created.timestamp()))}  # read by fontTools
    try:
        child = subprocess.run(command, input=job, capture_output=True, timeout=limit, env=environment, check=False)
    except subprocess.TimeoutExpired as exc:
        raise RenderError(f"PDF of {page.title!r}: not finished after {limit:g} s") from exc
    except OSError as exc:
        raise RenderError(f"PDF of {page.title!r}: cannot start {sys.executable}: {exc.strerror}") from exc
    said = child.stderr.decode(errors="replace").strip()
    if child.returncode == REFUSED:
        raise RenderError(f"PDF of {page.title!r}: {child.stdout.decode(errors='replace')}")
    if child.returncode or not child.stdout.startswith(b"%PDF-"):
        raise RenderError(f"PDF of {page.title!r}: the renderer ended with code {child.returncode}: {said[-2000:]}")
    if said:
        _LOG.warning("PDF of %r: %s", page.title, said)
    return child.stdout
