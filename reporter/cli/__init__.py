"""The command line; nothing heavier than argparse is imported before a command runs."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from reporter.cli.parser import parser
from reporter.cli.signals import ending, stopping
from reporter.errors import ReportError

OBJECTS = 10_000
"""Made and not yet gone between two searches for garbage. Python's 700 cost a tenth of every run, most of which loads
code; 100,000 win little more, and keep twice the memory."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    gc.set_threshold(OBJECTS, 10, 10)
    arguments = parser().parse_args(argv)
    try:
        with stopping():
            code: int = arguments.command(arguments)
            sys.stdout.flush()
            return code
    except ReportError as error:
        from reporter.progress import visible

        print(f"ckpt-report: {visible(str(error))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        reason, number = ending(stop)
        with suppress(OSError):  # of a terminal that is gone
            print(f"ckpt-report: {reason}", file=sys.stderr)
        return number
