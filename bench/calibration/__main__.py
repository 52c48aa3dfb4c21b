"""``python -m bench.calibration [FOLDER] [NAME …]``: train every case, report on it, and print a table of the verdicts.

The exit code is 1 if a healthy run gets the verdict FAIL, or if the defect of a sick one is not the first finding.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

from bench.calibration.case import Case
from bench.calibration.verdicts import Verdict, judge_case, table


def main(arguments: list[str]) -> int:
    """Train and judge all cases, or those named, and return the exit code."""
    import keras

    from bench.calibration.healthy import HEALTHY
    from bench.calibration.sick import SICK

    root = Path(arguments[0]) if arguments else Path(tempfile.mkdtemp(prefix="calibration-"))
    wanted = arguments[1:]
    verdicts: list[Verdict] = []
    for case in (*HEALTHY, *SICK):
        if wanted and case.name not in wanted:
            continue
        keras.utils.set_random_seed(0)
        verdicts.append(judge_case(case, made(case, root / case.name)))
        print(verdicts[-1].line(), file=sys.stderr, flush=True)
    print(table(verdicts))
    return 0 if all(v.right for v in verdicts) else 1


def made(case: Case, folder: Path) -> Path:
    """The folder with the checkpoints of a case, which is trained if the folder does not exist."""
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        unfinished.mkdir(parents=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.make(unfinished)
        unfinished.rename(folder)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
