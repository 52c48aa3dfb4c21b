"""What the files are to each other whose names, times and steps disagree about their order."""

from __future__ import annotations

from enum import StrEnum

from reporter.frozen import dataclass


class Verdict(StrEnum):
    """What the values say."""

    RUNS = "several runs"
    ONE = "one run, whose steps were counted anew"
    BY_STEP = "one run in the order of its steps"
    ALTERNATIVES = "no successive states"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, and what it rests on.

    Attributes:
        cuts: places in the outer order at which a run begins.
        why: what was found, as a clause that begins with a comma; "" where nothing was.
    """

    verdict: Verdict
    cuts: tuple[int, ...] = ()
    why: str = ""
