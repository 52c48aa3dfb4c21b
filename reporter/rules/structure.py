"""Tensors that vanish, appear, or change their shape or dtype between checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reporter.model.comparison import Comparison
from reporter.model.finding import Severity
from reporter.rules.base import Check, Rule


def check(series: Comparison) -> Iterator[Check]:
    """One check per pair of neighbours and kind of difference."""
    for pair in series.pairs:
        before, after = series.measured[pair.before].by_name, series.measured[pair.after].by_name
        step = f"at step {series.labels[pair.after]} (previous: {series.labels[pair.before]})"
        kinds: tuple[tuple[str, Sequence[str], int], ...] = (
            ("gone", pair.removed, sum(before[n].info.size for n in pair.removed)),
            ("new", pair.added, sum(after[n].info.size for n in pair.added)),
            (
                "of another shape or dtype",
                [f"{n}: {a} → {b}" for n, a, b in pair.reshaped],
                sum(after[n].info.size for n, _, _ in pair.reshaped),
            ),
        )
        for what, names, parameters in kinds:
            if not names:
                continue
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            yield Check(
                value=float(len(names)),
                excess=float(len(names)),
                severity=Severity.WARN,
                place=pair.after,
                tensor=names[0].split(": ")[0] if len(names) == 1 else "",
                message=f"{len(names)} tensor{'s are' if len(names) > 1 else ' is'} {what} {step}: {shown}",
                previous=0.0,
                parameters=parameters,
            )
        if not (pair.added or pair.removed or pair.reshaped):
            yield Check(0.0, 0.0, place=pair.after)


STRUCTURE = Rule(
    name="structure",
    title="Missing, new or reshaped tensors",
    threshold=0.0,
    formula="tensors of a checkpoint against those of the one before",
    source="the series against itself",
    check=check,
)
