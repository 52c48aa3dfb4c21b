"""``python -m bench.calibration [FOLDER] [NAME …]``: train every case, report on it, and print what was said of it.

Exit code 1 where a healthy run fails or a sick one is not named first.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

from bench.calibration.case import Case
from bench.calibration.verdicts import Verdict, judge_case, table


def main(arguments: list[str]) -> int:
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
    """The folder of a case, trained unless it is there."""
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
