"""The child process of :mod:`reporter.render.pdf`: reads a pickled ``Job`` from standard input, writes a PDF.

The PDF, or the reason why there is none, goes to standard output; warnings go to standard error.
"""

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
    """Make one PDF, and return the exit code: 0, or :data:`reporter.render.pdf.REFUSED`."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes to standard error, and not into the PDF
    gc.disable()  # measured: saves 10 % of the time for 3 MB more memory than 130; the process ends after one document
    try:
        paint = painter()  # takes a second, in which the report is still being composed
        try:
            job: Job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return 0  # the report ended without asking for a PDF
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
    """The function that makes the PDF of a job, and returns it with WeasyPrint's warnings.

    Raises:
        RenderError: Pango is missing.
    """
    try:
        from reporter.render.paint import paint
    except OSError as exc:  # cffi: "cannot load library 'libpango-1.0-0'"
        raise RenderError(NO_PANGO.format(error=str(exc).splitlines()[0])) from exc
    return paint
