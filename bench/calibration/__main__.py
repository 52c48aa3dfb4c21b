"""``python -m bench.calibration [--keep FOLDER] [--record] [NAME …]``: train cases, and compare the reports with them.

All cases, or those named, are trained by two processes at once. ``--keep`` names a folder in which the checkpoints are
left, and found by the next run. ``--record`` writes the tables that the documentation and the reports show, which needs
all cases. The exit code is 1 if a healthy run gets the verdict FAIL, or if the defect of a sick one is not the first
finding.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.calibration.record import record
from bench.calibration.trials import cases, judged
from bench.calibration.verdicts import Mark


def main(arguments: Sequence[str]) -> int:
    """Train and judge all cases, or those named, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.calibration")
    parser.add_argument("--keep", type=Path, help="folder for the checkpoints; those that are there are not made again")
    parser.add_argument("--record", action="store_true", help="write the tables of the documentation and the reports")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of cases; all of them if none is named")
    options = parser.parse_args(arguments)
    known = [case.name for case in cases()]
    unknown = [name for name in options.names if name not in known]
    if unknown or (options.record and options.names):
        parser.error(f"no such case: {', '.join(unknown)}" if unknown else "a record needs all cases")
    root = options.keep or Path(tempfile.mkdtemp(prefix="calibration-"))
    try:
        verdicts = judged([name for name in known if not options.names or name in options.names], root)
    finally:
        if options.keep is None:
            shutil.rmtree(root)
    for right in (True, False):
        print("\n".join(v.line() for v in verdicts if v.mark.right is right))
    if options.record:
        record(verdicts)
    return 0 if all(v.mark.right or v.mark is Mark.NOISE for v in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
