"""Trainable tensors that do not change between checkpoints while the training step does."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.comparison import Comparison, Pair
from reporter.model.finding import Severity
from reporter.model.role import NEVER_TRAINABLE
from reporter.numerals import integer
from reporter.rules.base import Check, Rule


def check(series: Comparison) -> Iterator[Check]:
    """One check per model tensor that may be trained, and one per pair in which nothing at all moved."""
    advancing = [pair for pair in series.pairs if _advances(series, pair)]
    still = [pair for pair in advancing if pair.whole.count and pair.whole.unchanged]
    for pair in still:
        yield Check(
            value=1.0,
            excess=2.0,
            severity=Severity.WARN,
            place=pair.after,
            message=f"no model variable changed between step {series.labels[pair.before]} and "
            f"{series.labels[pair.after]}: {integer(pair.whole.count)} values are equal to the bit",
            parameters=pair.whole.count,
        )
    moving = [pair for pair in advancing if pair not in still]
    for name in series.tensors if moving else ():
        info = next(t.info for t in series.tensor(name) if t is not None)
        if info.collection != "model" or info.trainable is False or info.role in NEVER_TRAINABLE or not info.size:
            continue
        compared = [pair for pair in moving if name in pair.tensors]
        frozen = [pair for pair in compared if pair.tensors[name].unchanged]
        share = max((pair.tensors[name].equal_share or 0.0 for pair in compared), default=None)
        if share is None:
            continue
        if not frozen:
            yield Check.of(info, share, share, place=compared[-1].after)
            continue
        first, last = series.labels[frozen[0].before], series.labels[frozen[-1].after]
        known = info.trainable is True
        yield Check.of(
            info,
            1.0,
            1.0,
            Severity.WARN if known else Severity.INFO,
            place=frozen[-1].after,
            message=f"{name} is equal to the bit in {len(frozen)} of {len(compared)} neighbouring pairs "
            f"(step {first} to {last}) while other variables moved"
            + ("" if known else "; the format does not say whether it is trainable"),
        )


def _advances(series: Comparison, pair: Pair) -> bool:
    before, after = series.refs[pair.before].step.value, series.refs[pair.after].step.value
    return before is None or after is None or after > before


FROZEN = Rule(
    name="frozen",
    title="Frozen variables",
    threshold=1.0,
    formula="share of values of a trainable tensor that are equal to the bit in neighbouring checkpoints",
    source="SageMaker Debugger, unchanged tensor; to the bit instead of allclose",
    check=check,
)
