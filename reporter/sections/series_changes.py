"""The section on changes within a series: each checkpoint against the one before, the first and the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reporter.model.blocks import Figures, Paragraph
from reporter.model.comparison import Comparison, Pair
from reporter.model.figures import SeriesFigures
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import integer
from reporter.sections.base import Medium, bounded, of_series
from reporter.sections.paired import (
    COSINE,
    JS,
    LARGEST,
    NON_FINITE,
    PER_STEP,
    PSI,
    UNCHANGED,
    UPDATE,
    WASSERSTEIN,
    bins,
    cosine_cell,
    exactness,
    finiteness,
    js_cell,
    largest_cell,
    non_finite_cell,
    per_step_cell,
    psi_cell,
    unchanged_cell,
    update_cell,
    wasserstein_cell,
)


def build(report: Report, at: int, medium: Medium) -> Section:
    """The section of one series.

    Args:
        report: the report.
        at: index of the series.
        medium: what the section is for.
    """
    blocks = _blocks(report.series[at], report.figures[at], medium)
    return of_series(report, at, "changes", "Change between checkpoints", blocks, short="Changes")


def _blocks(series: Comparison, figures: SeriesFigures, medium: Medium) -> Iterator[Block]:
    pairs = [*series.pairs, *series.from_first, *series.from_baseline]
    yield Paragraph(f"{exactness(pairs, recorded=series.recorded)} {finiteness(pairs)}")
    yield _table(series, medium)
    if figures.trends:
        yield Figures(figures.trends[1:])
    if figures.distances:
        yield figures.distances
    if figures.similarity:
        yield figures.similarity


def _table(series: Comparison, medium: Medium) -> Table:
    html = medium == "html"
    bad = any(pair.whole.left_out for pair in series.pairs)
    columns = [
        Column("Step", definition="Training step, or place in the series (#) where none is known."),
        Column("Steps", unit="since", definition="Training steps since the checkpoint before."),
        *(_against(c, "previous") for c in (UPDATE, PER_STEP, COSINE, UNCHANGED)),
        *([_against(LARGEST, "previous")] if html else []),
        *([_against(NON_FINITE, "previous")] if bad else []),
        *(_against(c, "previous") for c in ((WASSERSTEIN, PSI, JS) if html else (WASSERSTEIN, PSI))),
    ]
    if len(series.from_first) > 1:
        columns += [_against(c, "first") for c in (UPDATE, COSINE)]
        columns += [_against(WASSERSTEIN, "first")] if html else []
    if series.from_baseline:
        columns += [_against(c, "baseline") for c in ((UPDATE, COSINE) if html else (UPDATE,))]
    rows = [_row(series, place, html, bad) for place in range(len(series.refs))]
    note = "Below each heading: which checkpoint W′ is. " + _bins(series, html)
    return bounded("Trained weights, checkpoint by checkpoint", columns, rows, medium, keep="ends", note=note.strip())


def _against(column: Column, reference: str) -> Column:
    """A column with the name of the checkpoint that it compares with below its heading."""
    extra = reference == "previous" and column not in (UPDATE, PER_STEP)
    return replace(column, unit=reference, extra=extra)


def _row(series: Comparison, place: int, html: bool, bad: bool) -> Row:
    before = series.pairs[place - 1] if place else None
    steps = series.steps_between(before) if before else None
    change, shift = (before.trained, before.shift) if before else (None, None)
    step = series.refs[place].step.value
    cells = [
        Cell(series.labels[place], sort=float(place if step is None else step)),
        Cell(integer(steps) if steps else "—", sort=steps),
        update_cell(change),
        per_step_cell(change, steps),
        cosine_cell(change),
        unchanged_cell(change),
        *([largest_cell(change)] if html else []),
        *([non_finite_cell(before.whole if before else None)] if bad else []),
        wasserstein_cell(shift),
        psi_cell(shift),
        *([js_cell(shift)] if html else []),
    ]
    if len(series.from_first) > 1:
        first = series.from_first[place - 1] if place else None
        cells += _reference(first, html)
    if series.from_baseline:
        cells += _reference(series.from_baseline[place], shifted=False)[: 2 if html else 1]
    return Row(tuple(cells))


def _reference(pair: Pair | None, shifted: bool) -> list[Cell]:
    """The cells that compare a checkpoint with the first one or the baseline."""
    change = pair.trained if pair else None
    cells = [update_cell(change), cosine_cell(change)]
    return [*cells, wasserstein_cell(pair.shift if pair else None)] if shifted else cells


def _bins(series: Comparison, html: bool) -> str:
    """A sentence on the bins of the last row, "" if it has none."""
    shift = series.pairs[-1].shift
    if shift is None or not shift.bins:
        return ""
    return f"{'PSI and JS distance of the last row are' if html else 'PSI of the last row is'} over {bins(shift)}."
