"""Choose which checkpoints of long series, and of many series, are shown one by one.

Of a long series these are the last, the first, those with findings, the one before each of these, and evenly spread
others. Over many series even that would be too much: then they are the checkpoints at which the worst findings begin,
and the last ones of the series, as many as the limits allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reporter.model.comparison import Comparison
from reporter.model.evenly import evenly
from reporter.model.finding import Finding, Judgement
from reporter.model.shown import FEW_SERIES, Shown

PAGES = 60
"""Most pages of checkpoints in one report, which is more than anyone opens."""

MOST_PAGES = 180
"""Most pages of checkpoints in a report over many series, where :data:`LEAST` for each would be too many. The page of
each series describes its last checkpoint."""

PAGE_TENSORS = 10_000
"""Most rows of tensors on all pages of checkpoints together: each takes about a millisecond and three kilobytes."""

RECORD_TENSORS = 25_000
"""Most tensors in report.json: each takes about a kilobyte. Of many series, of which even :data:`LEAST` checkpoints
each have more, report.json holds the tensors of those checkpoints that have a page."""

CSV_TENSORS = 150_000
"""Most rows of tensors.csv: each takes about 300 bytes."""

DRAWN = 60
"""Most checkpoints in the picture of a layer, which has no room for more columns that can be told apart."""

LEAST = 3
"""Number of checkpoints that are shown of every series, if it has so many, even if a limit is then exceeded; but not of
more than :data:`reporter.model.shown.FEW_SERIES` series, where that would exceed any limit."""


def details(series: Sequence[Comparison], judgement: Judgement) -> tuple[Shown, ...]:
    """What is shown of each series. If a limit is exceeded, all series are cut by the same share.

    Whatever has a page has its tensors in report.json as well.
    """
    checkpoints = sum(len(s.refs) for s in series)
    tensors = sum(len(m.tensors) for s in series for m in s.measured)

    def chosen(of: Comparison, limit: int, total: int) -> tuple[int, ...]:
        """The checkpoints of a series that are shown if all series together, ``total``, must not exceed ``limit``."""
        n = len(of.refs)
        room = n if total <= limit else max(LEAST, n * limit // total)
        return _chosen(of, judgement.findings, room)

    many = len(series) > FEW_SERIES
    pages = [min(chosen(s, PAGES, checkpoints), chosen(s, PAGE_TENSORS, tensors), key=len) for s in series]
    if many and (sum(map(len, pages)) > MOST_PAGES or _tensors(series, pages) > PAGE_TENSORS):
        pages = _most_wanted(series, judgement, PAGE_TENSORS, MOST_PAGES)
    records = [chosen(s, RECORD_TENSORS, tensors) for s in series]
    if many and _tensors(series, records) > RECORD_TENSORS:
        records = pages
    rows = [chosen(s, CSV_TENSORS, tensors) for s in series]
    if many and _tensors(series, rows) > CSV_TENSORS:
        rows = _most_wanted(series, judgement, CSV_TENSORS)
    return tuple(
        Shown(
            pages=pages[at],
            records=tuple(sorted({*records[at], *pages[at]})),
            rows=rows[at],
            drawn=tuple(evenly(len(of.refs), DRAWN)),
        )
        for at, of in enumerate(series)
    )


def _tensors(series: Sequence[Comparison], shown: Sequence[tuple[int, ...]]) -> int:
    """How many tensors some checkpoints of each series have together."""
    return sum(len(of.measured[i].tensors) for of, places in zip(series, shown, strict=True) for i in places)


def _most_wanted(
    series: Sequence[Comparison], judgement: Judgement, tensors: int, most: int | None = None
) -> list[tuple[int, ...]]:
    """For each series, the checkpoints at which findings begin, and its last one, as far as the limits allow.

    The checkpoints of the worst findings are chosen first.

    Args:
        series: all series.
        judgement: with the findings, the worst first.
        tensors: the most that the chosen ones may have together.
        most: checkpoints that may be chosen; any number by default.
    """
    places = {(s.name, ref.name): (at, i) for at, s in enumerate(series) for i, ref in enumerate(s.refs)}
    found = [places.get((f.series, f.first_bad or f.checkpoint)) for f in judgement.findings]
    wanted = dict.fromkeys([*found, *((at, len(s.refs) - 1) for at, s in enumerate(series))])
    taken: list[tuple[int, int]] = []
    for at, i in (one for one in wanted if one is not None):
        has = len(series[at].measured[i].tensors)
        if has <= tensors and len(taken) != most:
            taken.append((at, i))
            tensors -= has
    return [tuple(sorted(i for of, i in taken if of == at)) for at in range(len(series))]


def _chosen(series: Comparison, findings: Iterable[Finding], room: int) -> tuple[int, ...]:
    """The checkpoints of a series to show, ``room`` at most: ends, those with findings, and evenly spread others."""
    n = len(series.refs)
    if n <= room:
        return tuple(range(n))
    wanted = dict.fromkeys([n - 1, 0, *_found(series, findings)])
    taken = set(list(wanted)[:room])
    left = room - len(taken)
    others = [i for i in range(n) if i not in taken]
    return tuple(sorted(taken | {others[i] for i in evenly(len(others), left)} if left else taken))


def _found(series: Comparison, findings: Iterable[Finding]) -> Iterator[int]:
    """The checkpoints of a series with findings, in the order of these, each followed by the one before it."""
    places = {ref.name: i for i, ref in enumerate(series.refs)}
    for finding in findings:
        place = places.get(finding.checkpoint) if finding.series == series.name else None
        if place is not None:
            yield place
            yield max(0, place - 1)
