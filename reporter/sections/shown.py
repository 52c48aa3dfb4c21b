"""Choose the checkpoints of long series that are shown one by one: ends, those with findings, and some between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Judgement
from reporter.model.shown import Shown

PAGES = 60
"""Pages of checkpoints in one report: more than anyone opens."""

MOST_PAGES = 180
"""The same of very many series, each of which has a page of its own that tells of its last checkpoint."""

PAGE_TENSORS = 10_000
"""Rows of tensors on all of them together: about a millisecond each to make, and three kilobytes."""

RECORD_TENSORS = 25_000
"""Tensors in report.json: about a kilobyte each."""

CSV_TENSORS = 150_000
"""Rows of tensors.csv: about 300 bytes each."""

DRAWN = 60
"""Checkpoints across the picture of a layer: what one can tell apart there."""

LEAST = 3
"""Checkpoints of every series that are shown whatever it costs, if there are as many."""


def details(series: Sequence[Comparison], judgement: Judgement) -> tuple[Shown, ...]:
    """One for each series; where a limit is met, all series are cut by the same share."""
    checkpoints = sum(len(s.refs) for s in series)
    tensors = sum(len(m.tensors) for s in series for m in s.measured)

    def chosen(of: Comparison, limit: int, total: int) -> tuple[int, ...]:
        n = len(of.refs)
        room = n if total <= limit else max(LEAST, n * limit // total)
        return _chosen(of, judgement.findings, room)

    pages = [min(chosen(s, PAGES, checkpoints), chosen(s, PAGE_TENSORS, tensors), key=len) for s in series]
    if sum(map(len, pages)) > MOST_PAGES:
        pages = _most_wanted(series, judgement)
    return tuple(
        Shown(
            pages=shown,
            records=chosen(s, RECORD_TENSORS, tensors),
            rows=chosen(s, CSV_TENSORS, tensors),
            drawn=tuple(evenly(len(s.refs), DRAWN)),
        )
        for s, shown in zip(series, pages, strict=True)
    )


def _most_wanted(series: Sequence[Comparison], judgement: Judgement) -> list[tuple[int, ...]]:
    """The checkpoints at which findings begin, the worst first, and then the last one of every series."""
    places = {(s.name, ref.name): (at, i) for at, s in enumerate(series) for i, ref in enumerate(s.refs)}
    found = [places.get((f.series, f.first_bad or f.checkpoint)) for f in judgement.findings]
    wanted = dict.fromkeys([*found, *((at, len(s.refs) - 1) for at, s in enumerate(series))])
    taken = [one for one in wanted if one is not None][:MOST_PAGES]
    return [tuple(sorted(i for of, i in taken if of == at)) for at in range(len(series))]


def evenly(n: int, most: int) -> list[int]:
    """At most so many of n places, the first and the last among them.

    >>> evenly(3, 5), evenly(101, 3), evenly(5, 1)
    ([0, 1, 2], [0, 50, 100], [4])
    """
    if n <= most:
        return list(range(n))
    return [round(i * (n - 1) / (most - 1)) for i in range(most)] if most > 1 else [n - 1]


def _chosen(series: Comparison, findings: Iterable[Finding], room: int) -> tuple[int, ...]:
    """The last, the first, those with findings and the one before each, worst first; then evenly spread ones."""
    n = len(series.refs)
    if n <= room:
        return tuple(range(n))
    wanted = dict.fromkeys([n - 1, 0, *_found(series, findings)])
    taken = set(list(wanted)[:room])
    left = room - len(taken)
    others = [i for i in range(n) if i not in taken]
    return tuple(sorted(taken | {others[i] for i in evenly(len(others), left)} if left else taken))


def _found(series: Comparison, findings: Iterable[Finding]) -> Iterator[int]:
    places = {ref.name: i for i, ref in enumerate(series.refs)}
    for finding in findings:
        place = places.get(finding.checkpoint) if finding.series == series.name else None
        if place is not None:
            yield place
            yield max(0, place - 1)
