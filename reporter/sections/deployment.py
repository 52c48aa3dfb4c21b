"""The section of deployment readiness: what int8 and narrower floats would cost the last checkpoint of each series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reporter.model.blocks import Paragraph
from reporter.model.comparison import Comparison
from reporter.model.deployment import FEW_LEVELS, GOOD_SQNR, UNFIT_SQNR, Advice, Readiness
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Level, Row, Table
from reporter.numerals import counted, decibels, integer
from reporter.sections.base import (
    Medium,
    bounded,
    count_cell,
    share_cell,
    sortable,
    unrounded,
    where_detailed,
    without_folder,
)
from reporter.sections.card_anchors import name_links
from reporter.sections.findings import about_deployment, finding_list

TITLES = {
    "float16": "float16",
    "bfloat16": "bfloat16",
    "float8_e4m3fn": "float8 E4M3",
    "float8_e5m2": "float8 E5M2",
}
"""The names of narrower floats in tables, in the order of the columns."""

WORDS: tuple[tuple[str, str], ...] = (
    (
        "SQNR",
        "Signal to quantisation noise ratio, 10 · log₁₀(Σw² / Σ(w − Q(w))²) in dB, Q the rounding. 40 dB: the noise is "
        f"1 % of the weights' norm; {GOOD_SQNR:g} dB: 3 %, the least we call good; {UNFIT_SQNR:g} dB: 10 %, unfit. It "
        "speaks of the weights alone: only a test of the quantised model tells its accuracy.",
    ),
    (
        "int8, per tensor, per channel",
        "Symmetric rounding to 255 levels with scale max |w| / 127, of the whole tensor or of each output channel. "
        "Where the second keeps much more, single large values spoil the common scale.",
    ),
    (
        "Coarse channels",
        f"Output channels that the one scale of the tensor leaves fewer than {FEW_LEVELS} of its 127 levels, because "
        "another channel is so much larger (Nagel et al. 2019). They are nearly erased, which the SQNR of the tensor, "
        "ruled by its largest values, does not show. Negligible channels are not counted.",
    ),
    (
        "float16, bfloat16, float8",
        "Every value rounded to the nearest (ties to even), without a scale; quantisers usually scale before float8. "
        "Overflow: the value becomes infinite (NaN in E4M3). Flushed: a value other than 0 becomes 0. Subnormal: it "
        "keeps fewer significant bits than the format has.",
    ),
    (
        "Negligible channels",
        "Output channels whose norm, or whose normalisation's |gamma|, is at most 1 % of the tensor's median: "
        "candidates for pruning (network slimming, Liu et al. 2017).",
    ),
    ("Duplicate outputs", "Output channels with |cos| > 0.999 to an earlier one. Not searched in very large tensors."),
    (
        "2:4 groups",
        "Of tensors with at least 40 % zeros: share of the groups of 4 along the input axis with at least 2 zeros. "
        "Hardware for 2:4 sparsity needs all of them.",
    ),
    ("Distinct values", "Shown where at most 256: the weights are clustered or were quantised before."),
)
"""Entries of the glossary: a term and its definition."""


PDF_WORST, PDF_GOOD = 14, 5
"""Most rows of a table in the PDF, and how many where none of them is marked."""


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """One section for all series; none if no readiness was measured and no rule has a remark about it."""
    blocks: list[Block] = []
    for series in report.series:
        if series.deployment_problem:
            text = f"The last checkpoint of {series.name} could not be read again: {series.deployment_problem}."
            blocks.append(Paragraph(text, "warning"))
    measured = [s for s in report.series if s.readiness]
    if measured:
        several = len(report.series) > 1
        blocks += [Paragraph(_sentence(measured, several))]
        tables = [of(measured, several, medium) for of in (_quantised, _lost, _redundant)]
        where = _where(report)
        shown = (without_folder(_worst(t) if medium == "pdf" else t) for t in tables if t.rows)
        blocks += [replace(table, more_where=where) for table in shown]
    if remarks := [f for f in report.judgement.findings if about_deployment(f)]:
        blocks.append(finding_list(report, remarks, medium, "deployment-remark"))
    if blocks:
        yield Section("deployment", "Deployment readiness", tuple(blocks))


def _worst(table: Table) -> Table:
    """A table on paper: its worst rows, and few of them where none of all is marked."""
    marked = sum(any(cell.level for cell in row.cells) for row in table.rows)
    kept = table.rows[: PDF_WORST if marked else PDF_GOOD]
    more = table.more + len(table.rows) - len(kept)
    return replace(table, rows=kept, more=more)


def _where(report: Report) -> str:
    """Where the rows are that a table has no room for."""
    places = {where_detailed(report, at) for at in range(len(report.series))}
    return places.pop() if len(report.series) == 1 or places == {"report.json"} else "the pages of the series"


def _matrices(series: list[Comparison]) -> list[tuple[Comparison, str, Readiness]]:
    """All weight tensors that int8 was measured of, each with its series and name."""
    return [(s, name, r) for s in series for name, r in s.readiness.items() if r.int8_tensor is not None]


def _sentence(series: list[Comparison], several: bool) -> str:
    """One sentence that says what to do: how many weight tensors suit int8, and whether float16 overflows."""
    of = "the last checkpoint of each series" if several else "this checkpoint"
    if not several and len(series[0].refs) > 1:
        last = series[0].moment(-1)
        of = f"the last checkpoint, {last}" if series[0].counts_steps else f"{last}, the last one"
    matrices = [ready for _, _, ready in _matrices(series)]
    if not matrices:
        return f"In {of}, there are no floating-point kernels or embeddings to quantise."
    advice = [ready.advice for ready in matrices]
    counts = {key: n for key in _SUMMARY if (n := advice.count(key))}
    if len(counts) == 1:
        key, n = counts.popitem()
        text = f"{'the only weight tensor' if n == 1 else f'all {integer(n)} weight tensors'} {_SUMMARY[key]}"
    else:
        text = f"of {integer(len(matrices))} weight tensors, " + ", ".join(
            f"{integer(n)} {_SUMMARY[key]}" for key, n in counts.items()
        )
    overflow = sum(bool(c and c.overflow) for s in series for r in s.readiness.values() for c in [r.cast("float16")])
    float16 = f"{integer(overflow)} tensors overflow" if overflow > 1 else "1 tensor overflows"
    float16 = f"{float16 if overflow else 'no finite value overflows'} in float16"
    odd = sum(r.non_finite > 0 for s in series for r in s.readiness.values())
    unfit = f"{counted(odd, 'tensor')} with NaN or infinite values: no format can hold this model. " if odd else ""
    return f"{unfit}In {of}, {text}; {float16}."


_SUMMARY: dict[Advice, str] = {
    "repair first": "must be repaired first (NaN or infinite values)",
    "int8 per tensor": "can be int8 with one scale per tensor",
    "int8 per channel": "should be int8 with a scale per output channel",
    "int8 per channel, measure": "would lose noticeably even so (measure the accuracy)",
    "keep in float": "should stay in float",
}
"""What is said of weight matrices, by their advice."""

_ADVICE: tuple[Advice, ...] = (
    "repair first", "keep in float", "int8 per channel, measure", "int8 per channel", "int8 per tensor",
)  # fmt: skip
"""The advice by which tensors are sorted, the worst first."""

_MARKS: dict[Advice | None, Level] = {
    "repair first": "fail",
    "int8 per channel": "info",
    "int8 per channel, measure": "info",
    "keep in float": "warn",
}


def _row(cells: list[Cell], series: Comparison, several: bool) -> Row:
    return Row((*cells, *([Cell(series.name)] if several else [])))


def _columns(columns: list[Column], several: bool) -> tuple[Column, ...]:
    weights = Column("Weights", numeric=False)
    return (weights, *columns, *([Column("Series", numeric=False)] if several else []))


def _quantised(measured: list[Comparison], several: bool, medium: Medium) -> Table:
    """A table of all weight matrices; those that lose most come first."""
    formats = list(TITLES) if medium == "html" else list(TITLES)[:2]
    links = {series.name: name_links(series, medium) for series in measured}
    rows = []
    for series, name, ready in sorted(_matrices(measured), key=_by_int8):
        cells = [Cell(name, href=links[series.name].get(name, ""))]
        cells += [Cell(ready.advice or "—", level=_MARKS.get(ready.advice, ""))]
        cells += [_decibel(ready.int8_tensor), _coarse(ready), _decibel(ready.int8_channel)]
        # The casts to float8 are without a scale, and never good; marking all of them would say nothing.
        cells += [_decibel(c.sqnr, f.endswith("float16")) if (c := ready.cast(f)) else Cell("—") for f in formats]
        if medium == "html":
            cells.append(Cell(" × ".join(map(str, series.measured[-1].by_name[name].info.shape))))
        rows.append(_row(cells, series, several))
    columns = [
        Column("What to do", numeric=False),
        Column("int8, per tensor", definition="SQNR with one scale for the tensor; see Definitions."),
        Column(
            "Coarse channels", definition="Channels that the one scale leaves fewer than 8 of 127 levels.", extra=True
        ),
        Column("int8, per channel", definition="SQNR with a scale for each output channel."),
        *(Column(TITLES[f], definition="SQNR of rounding without a scale; — if a value overflows.") for f in formats),
        *([Column("Shape", numeric=False)] if medium == "html" else []),
    ]
    note = (
        "Signal to quantisation noise of each weight tensor; what suits int8 least comes first. "
        f"From {GOOD_SQNR:g} dB on it is good, below {UNFIT_SQNR:g} dB unfit."
    )
    return bounded("Weights in fewer bits", _columns(columns, several), rows, medium, note=note)


def _by_int8(of: tuple[Comparison, str, Readiness]) -> tuple[int, float, float]:
    """The key that sorts weight matrices by how badly they suit int8, the worst first."""
    ready = of[2]
    assert ready.int8_tensor is not None and ready.best is not None and ready.advice is not None
    return (_ADVICE.index(ready.advice), min(ready.best, GOOD_SQNR), ready.int8_tensor)


def _decibel(value: float | None, marked: bool = True) -> Cell:
    low = marked and value is not None and value < GOOD_SQNR
    level: Level = "" if not low else "warn" if value is not None and value < UNFIT_SQNR else "info"
    return Cell(decibels(value), sort=sortable(value), level=level, title=unrounded(value))


def _coarse(ready: Readiness) -> Cell:
    if ready.coarse is None or ready.channels is None:
        return Cell("—")
    text = f"{integer(ready.coarse)} of {integer(ready.channels)}" if ready.coarse else "0"
    return Cell(text, sort=float(ready.coarse))


def _lost(measured: list[Comparison], several: bool, medium: Medium) -> Table:
    """A table of tensors with values that overflow or become 0 in float16, or that overflow in float8."""
    rows = []
    for series in measured:
        links = name_links(series, medium)
        for name, ready in series.readiness.items():
            casts = {cast.format: cast for cast in ready.casts}
            half = casts["float16"]
            if not (half.flushed or any(cast.overflow for cast in casts.values())):
                continue
            counts = [half.overflow, half.flushed, half.subnormal]
            counts += [casts[f].overflow for f in ("float8_e5m2", "float8_e4m3fn")]
            size = series.measured[-1].by_name[name].info.size
            infinite = Cell(integer(half.overflow), float(half.overflow), level="warn" if half.overflow else "")
            cells = [Cell(name, href=links.get(name, "")), count_cell(size), infinite, *map(count_cell, counts[1:])]
            rows.append((counts, _row(cells, series, several)))
    rows.sort(key=lambda r: [-n for n in r[0]])
    columns = [
        Column("Values"),
        Column("float16 overflow", definition="Values that become infinite in float16: |w| ≥ 65520."),
        Column("float16 flushed", definition="Values other than 0 that become 0 in float16: |w| ≤ 3e−8."),
        Column("float16 subnormal", definition="Values that lose precision in float16: |w| < 6.1e−5.", extra=True),
        Column("E5M2 overflow", definition="Values beyond float8 E5M2: |w| ≥ 61440."),
        Column("E4M3 overflow", definition="Values beyond float8 E4M3: |w| > 464."),
    ]
    note = (
        "All floating-point tensors of the model with values that float16 turns into ∞ or 0, or that float8 cannot "
        "hold. What is flushed matters only where float16 keeps little of the whole tensor, see above."
    )
    kept = [row for _, row in rows]
    return bounded("Values beyond narrower floats", _columns(columns, several), kept, medium, note=note)


def _redundant(measured: list[Comparison], several: bool, medium: Medium) -> Table:
    """A table of tensors of which something could be left out: channels, zeros, or repeated values."""
    rows = []
    for series in measured:
        links = name_links(series, medium)
        for name, r in series.readiness.items():
            if not (r.prunable or r.duplicates or r.pattern_2_4 is not None or r.distinct is not None):
                continue
            cells = [_count(r.channels), _count(r.prunable), _count(r.duplicates), share_cell(r.pattern_2_4)]
            most = max(r.prunable or 0, r.duplicates or 0)
            named = Cell(name, href=links.get(name, ""))
            rows.append((most, _row([named, *cells, _count(r.distinct)], series, several)))
    rows.sort(key=lambda r: -r[0])
    columns = [
        Column("Channels"),
        Column("Negligible", definition="Channels with at most 1 % of the median channel's norm or |gamma|."),
        Column("Duplicates", definition="Output channels with |cos| > 0.999 to an earlier one."),
        Column("2:4 groups", definition="Groups of 4 along the input axis with at least 2 zeros, of sparse tensors."),
        Column("Distinct values", definition="Where at most 256."),
    ]
    note = (
        "Tensors with channels that contribute next to nothing or twice, with zeros in a pattern, or with few values."
    )
    kept = [row for _, row in rows]
    return bounded("What could be left out", _columns(columns, several), kept, medium, note=note)


def _count(value: int | None) -> Cell:
    return Cell("—") if value is None else count_cell(value)
