"""The command line; nothing heavier than argparse is imported before a command runs."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence

from reporter.cli.parser import parser
from reporter.cli.signals import ending, stopping
from reporter.cli.streams import guarded
from reporter.errors import ReportError

OBJECTS = 10_000
"""Made and not yet gone between two searches for garbage. Python's 700 cost a tenth of every run, most of which loads
code; 100,000 win little more, and keep twice the memory."""

AT_FIRST = 200_000
"""Made before the first search: to load what a command needs makes nearly as many, most of which stay."""

INTERNAL = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; whatever goes wrong is one line on standard error."""
    gc.set_threshold(AT_FIRST, 10, 10)
    if _searched not in gc.callbacks:
        gc.callbacks.append(_searched)
        atexit.register(gc.freeze)  # at the end nothing needs to be searched: a fiftieth of a report that is unchanged
    with guarded():
        try:
            try:
                arguments = parser().parse_args(argv)
                with stopping():
                    code: int = arguments.command(arguments)
            finally:
                sys.stdout.flush()  # of a page of help, too, after which argparse exits
            return code
        except ReportError as error:
            return _told(str(error), error.exit_code)
        except KeyboardInterrupt as stop:
            return _told(*ending(stop))
        except MemoryError:
            return _told("out of memory; the last published report stands", INTERNAL)
        except OSError as error:
            return _refused(error)
        except Exception as error:
            return _defect(error)


def _searched(phase: str, found: dict[str, int]) -> None:
    """After the first search for garbage: from now on more often, and not among what was there, which is code mostly.

    To go through that once more took as long as twenty further searches (measured: 83 of 250 ms of all searches while
    10,000 tensors are inspected).
    """
    if phase == "stop":
        gc.callbacks.remove(_searched)
        gc.set_threshold(OBJECTS, 10, 10)
        gc.freeze()


def _told(text: str, code: int) -> int:
    if text:
        from reporter.printable import visible

        print(f"ckpt-report: {visible(text)}", file=sys.stderr)
    return code


def _refused(error: OSError) -> int:
    """What the operating system refused, where nothing can be done without it: not a defect of this program."""
    _trace()
    where = f"{error.filename}: " if error.filename else ""
    return _told(f"{where}{error.strerror or error}; the last published report stands", INTERNAL)


def _trace() -> None:
    if sys.flags.dev_mode:
        import traceback

        traceback.print_exc()


def _defect(error: Exception) -> int:
    """The last resort: what no part of the program has foreseen."""
    _trace()
    where = "the same command with `python -X dev -m reporter` shows where"
    what = f"a defect of ckpt-report ({type(error).__name__}: {error}); please report it: {where}"
    return _told(what, INTERNAL)
