"""The child process of :mod:`reporter.render.pdf`: a pickled Job on stdin, a PDF (or why not) on stdout."""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable

from reporter.errors import RenderError
from reporter.render.pdf import REFUSED, Job

NO_PANGO = (
    "WeasyPrint finds no Pango ({error}); on Debian or Ubuntu: "
    "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
)


def main() -> int:
    """Make one PDF; returns the exit code."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not end up in the PDF
    gc.disable()  # measured: 10 % of the time for 3 MB of 130; the process ends with its one document
    try:
        paint = painter()  # takes a second, which passes before there is anything to paint
        try:
            job: Job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return 0  # the report has no need of a PDF any more
        pdf, warnings = paint(job)
    except RenderError as exc:
        pdf, warnings, code = str(exc).encode(errors="backslashreplace"), [], REFUSED
    else:
        code = 0
    with answer:
        answer.write(pdf)
    print("\n".join(warnings), file=sys.stderr)
    return code


def painter() -> Callable[[Job], tuple[bytes, list[str]]]:
    """What makes the PDF of a job, and tells what WeasyPrint warned of.

    Raises:
        RenderError: Pango is missing.
    """
    try:
        from reporter.render.paint import paint
    except OSError as exc:  # cffi: "cannot load library 'libpango-1.0-0'"
        raise RenderError(NO_PANGO.format(error=str(exc).splitlines()[0])) from exc
    return paint
