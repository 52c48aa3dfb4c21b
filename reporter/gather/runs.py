"""From what was found to series whose checkpoints follow each other: where witnesses disagree, the values decide."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from reporter.compare.successive import decide, turned
from reporter.discover.series import alternatives, going_on, parted, runs, stepwise
from reporter.gather.account import Account
from reporter.gather.gatherer import Gatherer
from reporter.model.checkpoint import Doubt, Series
from reporter.model.comparison import Comparison
from reporter.model.successive import Decision, Verdict


def settled(found: Sequence[Series], gatherer: Gatherer, account: Account) -> tuple[list[Series], Account]:
    """The series, those of a doubt as the values of their checkpoints say."""
    result: list[Series] = []
    for doubt, series in groupby(found, key=lambda one: one.doubt):
        if doubt is None:
            result += series
        else:
            measured, account = gatherer.alone(doubt.checkpoints, account)
            result += _decided(doubt, decide(doubt, measured))
    return result, account


def _decided(doubt: Doubt, decision: Decision) -> list[Series]:
    match decision.verdict:
        case Verdict.RUNS:
            return runs(doubt, decision.cuts, decision.why)
        case Verdict.ONE:
            return [going_on(doubt, decision.why)]
        case Verdict.BY_STEP:
            return [stepwise(doubt)]
        case Verdict.ALTERNATIVES:
            return [alternatives(doubt)]


def apart(series: Series, comparison: Comparison) -> list[Series]:
    """The runs of a series that holds several although names and steps go on; nothing where it is one."""
    cuts = turned(series, comparison)
    return parted(series, cuts) if cuts else []
