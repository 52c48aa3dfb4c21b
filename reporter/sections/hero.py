"""The first screen: what happened, where, since when, and which checkpoint to use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from reporter.derive.news_words import since_last
from reporter.model.checkpoint import SeriesKind
from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Severity, Verdict
from reporter.model.hero import NAME_OF_SERIES, HealthCell, HealthMap, HealthRow, Hero, Link
from reporter.model.hero import WORDS as NAMES
from reporter.model.report import Report
from reporter.model.table import Level
from reporter.numerals import counted, integer
from reporter.printable import layer_name
from reporter.sections.base import LEVELS, Medium, findings_by_series, page_href, series_href, worst_series
from reporter.sections.card_anchors import card_anchors
from reporter.sections.findings import about_deployment, anchors, groups
from reporter.sections.health import NOBODY, Health, State, common_ends, health, parted, thinned
from reporter.sections.narrative import counts, in_a_line, sentence, use
from reporter.sections.series_names import endings

MATTER, MATTER_OF_SEVERAL = 2, 6
"""Findings that are named on the first screen: of one series, whose curves are below them, and of several."""

ROWS: dict[Medium, int] = {"html": 40, "index": 40, "pdf": 12}
"""Most rows of the health map: as many as one screen shows, and as leave room for the curves on the first page of the
PDF."""

SERIES: dict[Medium, int] = {"html": 40, "index": 40, "pdf": 24}
"""The same where the rows are series, which have no curves below them: as many as fill the first page, of two lines."""

FINE_ROWS = 12
"""Rows of a map of many series up to which it shows such as are fine."""

COLUMNS = 24
"""Most columns of the health map."""

LONG, LONG_OF_SERIES = 12, 5
"""Characters from which on what all names begin or end with is left out: those of layers, and those of series, which
often end with the names of their files."""

KINDS = 3
"""Classes of layers that are named."""

WORDS: dict[Verdict, Level] = {Verdict.PASS: "pass", Verdict.WARN: "warn", Verdict.FAIL: "fail"}

LEVELS_OF: dict[State, Level] = {
    State.NO_DATA: "",
    State.FINE: "pass",
    State.REMARK: "info",
    State.WARNING: "warn",
    State.FAILURE: "fail",
}
"""How each state is marked."""


def hero(report: Report, medium: Medium) -> Hero:
    """The block.

    Args:
        report: the report.
        medium: what it is for.
    """
    single = len(report.series) == 1
    return Hero(
        level=WORDS[report.verdict],
        word=report.verdict,
        counts=counts(report),
        sentence=sentence(report),
        use=use(report),
        news=since_last(report) if report.news and (report.news.before or report.news.problem) else "",
        findings=_matter(report, medium),
        health=None if not report.series else _of_one(report, medium) if single else _of_several(report, medium),
        curves=report.figures[0].curves if single else None,
        facts=_facts(report),
    )


def _matter(report: Report, medium: Medium) -> tuple[Link, ...]:
    """The worst findings, each of another kind."""
    loud = [f for f in report.judgement.findings if f.severity > Severity.INFO]
    most = MATTER if len(report.series) == 1 else MATTER_OF_SEVERAL
    found = groups([f for f in loud if not about_deployment(f)], medium)[:most]
    return tuple(
        Link(in_a_line(report, group.worst), f"#{group.anchor}", LEVELS[group.worst.severity]) for group in found
    )


def _facts(report: Report) -> tuple[tuple[str, str], ...]:
    """What was looked at."""
    folders = report.settings.get("folders", "")
    recorded = bool(report.series) and all(series.recorded for series in report.series)
    facts = [("Recorded in" if recorded else "Folder", folders)] if folders else []
    if len(report.series) != 1:
        return (*facts, ("Series", integer(len(report.series))), ("Checkpoints", integer(report.checkpoints)))
    series = report.series[0]
    if not series.refs:
        return tuple(facts)
    last = series.measured[-1]
    written = dict.fromkeys(m.framework for m in series.measured if m.framework)
    steps = series.labels[0] if len(series.refs) == 1 else f"{series.labels[0]} – {series.labels[-1]}"
    trained, whole = last.trained.parameters, last.whole.parameters
    return (
        *facts,
        *([("Model", last.model)] if last.model else []),
        ("Parameters", integer(whole) if trained == whole else f"{integer(trained)} trained of {integer(whole)}"),
        ("Layers", _layers(series)),
        ("States" if recorded else "Checkpoints", integer(len(series.refs))),
        ("Steps" if series.counts_steps else "Numbered", steps),
        ("Format", " · ".join(["none: recorded in memory" if recorded else series.format, *written])),
    )


def _layers(series: Comparison) -> str:
    """How many layers there are, and of which classes most are.

    Few formats say which class the model is of; these tell a reader what kind of model it is.
    """
    kinds = Counter(layer.kind for layer in series.measured[-1].layers if layer.kind)
    most = [f"{integer(count)} {kind}" for kind, count in kinds.most_common(KINDS)]
    if not most:
        return integer(len(series.layers))
    if others := sum(kinds.values()) - sum(count for _, count in kinds.most_common(KINDS)):
        most.append(counted(others, "other"))
    return f"{integer(len(series.layers))}: {', '.join(most)}"


def _of_one(report: Report, medium: Medium) -> HealthMap | None:
    """Layers × checkpoints of the only series, below a row of the worst of each checkpoint."""
    series, findings = report.series[0], _counted(report)
    if not series.refs:
        return None
    known = health(series, findings)
    places = thinned(len(series.refs), known.turns, COLUMNS)
    parts = parted([layer_name(name) for name in known.layers], ROWS[medium], _alone(known, ROWS[medium] // 2))
    cells = _Cells(report, 0, medium, findings, places)
    rows = [HealthRow(Link("all"), cells.row("checkpoint", known.whole, known.whole_causes), "the whole checkpoint")]
    names = _short([name for name, _ in parts])
    href, cards = f"#layers-{series.slug}", card_anchors(series)
    for (name, members), short in zip(parts, names, strict=True):
        states, causes = _worst(known, members)
        shown = short if len(members) == 1 else f"{short} ({integer(len(members))})"
        card = cards.get(known.layers[members[0]]) if len(members) == 1 else None
        own = cells.row(name, states, causes, [known.layers[i] for i in members])
        rows.append(HealthRow(Link(shown, f"#{card}" if card else href), own, name))
    labels = tuple(series.labels[place] for place in places)
    return HealthMap(_caption(series, known, parts, places), labels, tuple(rows))


def _alone(known: Health, most: int) -> Sequence[int]:
    """The layers that have a row of their own, since something is said of them: all, or the worst of more than fit."""
    worst = known.states.max(axis=1, initial=int(State.NO_DATA))
    found = (np.flatnonzero(worst >= level).tolist() for level in (State.REMARK, State.WARNING, State.FAILURE))
    return next((layers for layers in found if len(layers) <= most), ())


def _counted(report: Report) -> list[Finding]:
    """Findings that make a state: all but remarks about deployment, which say nothing of a checkpoint's health."""
    return [f for f in report.judgement.findings if not about_deployment(f)]


def _worst(known: Health, members: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The worst states of some layers, and what led to them."""
    states, causes = known.states[list(members)], known.causes[list(members)]
    worst = states.argmax(axis=0)
    places = np.arange(states.shape[1])
    return states[worst, places], causes[worst, places]


class _Cells:
    """Makes the cells of one series."""

    def __init__(
        self, report: Report, at: int, medium: Medium, findings: Sequence[Finding], places: Sequence[int]
    ) -> None:
        self._report, self._at, self._medium = report, at, medium
        self._findings, self._places = findings, places
        self._ids = card_anchors(report.series[at])
        told = anchors(report, medium)
        self._told: Mapping[int, str] = {id(f): told[i] for i, f in enumerate(report.judgement.findings) if i in told}

    def row(
        self, name: str, states: np.ndarray, causes: np.ndarray, layers: Sequence[str] = ()
    ) -> tuple[HealthCell, ...]:
        """The cells of a layer or some of them, or of the whole, at the places that are shown."""
        return tuple(
            self._cell(name, place, State(int(states[place])), int(causes[place]), layers) for place in self._places
        )

    def _cell(self, name: str, place: int, state: State, cause: int, layers: Sequence[str]) -> HealthCell:
        series = self._report.series[self._at]
        level = LEVELS_OF[state]
        finding = None if cause == NOBODY else self._findings[cause]
        why = f", {finding.rule.title}" if finding else ""
        page = page_href(self._report, self._at, place, self._medium)
        held = [layer for layer in layers if layer in series.measured[place].layer_by_name]
        part = "layers" if len(layers) > 1 else self._ids[held[0]] if held else ""
        href = f"{page}#{part}" if page and held else page
        if not href and finding is not None:
            href = self._told.get(id(finding), "")
        if not href and self._medium != "pdf":
            href = series_href(series, self._medium)
        return HealthCell(level, f"{name} at {series.moment(place)}: {NAMES[level]}{why}", href)


def _of_several(report: Report, medium: Medium) -> HealthMap:
    """A row of checkpoints for each series, the worst first, each with its worst finding.

    Of series of which nothing bad is known there are only some, so that the others are seen.
    """
    findings, by_series = _counted(report), findings_by_series(report)
    order = worst_series(report)
    bad = sum(any(f.severity > Severity.INFO for f in by_series.get(one.name, ())) for one in report.series)
    shown = order[: min(SERIES[medium], max(bad, FINE_ROWS))]
    names = [report.series[at].name for at in shown]
    alike = ""
    if max(map(len, names)) > NAME_OF_SERIES:
        alike = _alike(names, LONG_OF_SERIES)
        names = endings(_short(names, LONG_OF_SERIES), NAME_OF_SERIES)
    told = anchors(report, medium)
    links = {id(f): told[i] for i, f in enumerate(report.judgement.findings) if i in told}
    thin, rows = 0, []
    for at, name in zip(shown, names, strict=True):
        series = report.series[at]
        known = health(series, findings)
        places = thinned(len(series.refs), known.turns, COLUMNS)
        thin += len(places) < len(series.refs)
        cells = _Cells(report, at, medium, findings, places).row(series.name, known.whole, known.whole_causes)
        own = [f for f in by_series.get(series.name, ()) if f.severity > Severity.INFO]
        href = series_href(series, medium)
        rows.append(HealthRow(Link(name, href), cells, series.name, _worst_of(report, own, links, href)))
    caption = "Series × checkpoints in their order, the worst series first, each with its worst finding"
    if left := len(order) - len(shown):
        what = "more without a warning" if bad <= len(shown) else "more"
        caption += f"; {integer(left)} {what}: see Series"
    if thin:
        caption += f". Of long series {COLUMNS} checkpoints: the ends, where a state changes, and others between"
    return HealthMap(f"{caption}{alike}.", (), tuple(rows))


def _worst_of(report: Report, findings: Sequence[Finding], links: Mapping[int, str], href: str) -> Link:
    """The worst of a series' findings in a line, and how many more there are.

    Args:
        report: the report.
        findings: warnings and failures, worst first.
        links: to where findings are told, by their identities.
        href: to the series, for a finding that is told there only.
    """
    if not findings:
        return Link("")
    worst = findings[0]
    more = f" · {integer(len(findings) - 1)} more" if len(findings) > 1 else ""
    text = in_a_line(report, worst, series_named=False)
    return Link(f"{text}{more}", links.get(id(worst), href), LEVELS[worst.severity])


def _caption(
    series: Comparison, known: Health, parts: Sequence[tuple[str, tuple[int, ...]]], places: Sequence[int]
) -> str:
    """What rows and columns are, and by which rule some are put together or left out."""
    what = "alternatives" if series.kind is SeriesKind.ALTERNATIVES else "checkpoints"
    text = f"Layers × {what}"
    if len(parts) < len(known.layers):
        layers = counted(len(known.layers), "layer")
        text += f": {layers} in {integer(len(parts))} rows; neighbours share one, at their worst"
    if len(places) < len(series.refs):
        text += (
            f". {integer(len(places))} of {integer(len(series.refs))} {what}: the first, the last, those around each "
            "change of a state, and others evenly spread"
        )
    text += _alike([name for name, _ in parts])
    return f"{text}" if text.endswith(".") else f"{text}."


def _alike(names: Sequence[str], long: int = LONG) -> str:
    """A sentence on what is left out of all names; "" where nothing is."""
    head, tail = _ends(names, long)
    both = " and ".join(part for part in (f"begin with {head}" * bool(head), f"end with {tail}" * bool(tail)) if part)
    return f". All names {both}" if both else ""


def _ends(names: Sequence[str], long: int) -> tuple[str, str]:
    """What all names begin and end with, where that is long."""
    head, tail = common_ends(names) if len(names) > 1 else ("", "")
    return (head if len(head) >= long else ""), (tail if len(tail) >= long else "")


def _short(names: Sequence[str], long: int = LONG) -> list[str]:
    """Names without what all of them begin and end with.

    >>> _short(["encoder/block_1/x", "encoder/block_2/x", "encoder/block_2/y"])
    ['1/x', '2/x', '2/y']
    >>> _short(["dense_1", "dense_2"])
    ['dense_1', 'dense_2']
    """
    head, tail = _ends(names, long)
    end = -len(tail) if tail else None
    return [name[len(head) : end] for name in names]
