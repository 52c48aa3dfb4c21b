"""A run that is kept in the output folder, as the page over all of them shows it."""

from __future__ import annotations

from datetime import datetime

from reporter.frozen import dataclass
from reporter.model.finding import Verdict


@dataclass(frozen=True, slots=True)
class Kept:
    """What its summary says.

    Attributes:
        name: of its folder in ``runs``.
        created: when it started.
        verdict: None where it left no summary that can be read; then everything below is unknown, too.
        failures, warnings: number of findings.
        new, worse, resolved: beside the report before; None where there was none.
        checkpoints: number of those that were measured.
        newest: name of the checkpoint that was written last, "" where there is none.
        age: seconds from then to the start of the run.
        pdf: whether it has one.
    """

    name: str
    created: datetime
    title: str = ""
    verdict: Verdict | None = None
    failures: int = 0
    warnings: int = 0
    new: int | None = None
    worse: int | None = None
    resolved: int | None = None
    checkpoints: int = 0
    newest: str = ""
    age: float | None = None
    pdf: bool = False
