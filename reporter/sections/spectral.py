"""The section on the spectra of weight matrices, with ``--spectral``; no rule judges them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reporter.model.blocks import Paragraph
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.spectrum import Spectrum
from reporter.model.table import Cell, Column, Row
from reporter.numerals import counted, integer, number
from reporter.sections.base import Medium, bounded, number_cell
from reporter.sections.sparkline import sparkline

WORDS: tuple[tuple[str, str], ...] = (
    ("Spectral norm", "Largest singular value σ₁ of the weights as a matrix of (all other axes × outputs)."),
    ("Stable rank", "‖W‖_F² / σ₁²: how many directions carry about as much as the strongest."),
    (
        "Effective rank",
        "exp(−Σ p log p), p the singular values divided by their sum (Roy & Vetterli 2007): how many directions are in "
        "use.",
    ),
    (
        "Alpha",
        "Exponent of a power law fitted to the largest eigenvalues of WᵀW (Martin & Mahoney 2021; the fit of Clauset "
        "et al. 2009). WeightWatcher reads 2 to 6 as usual for well-trained layers. KS is the fit's distance from the "
        "data, 0 to 1: above 0.1 or so alpha says little. Not shown below 50 eigenvalues.",
    ),
)
"""Entries of the glossary: a term and its definition."""


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """One section for all series; none if no spectra were measured."""
    spectra = [(series.name, name, s) for series in report.series for name, s in series.spectra.items()]
    if not spectra:
        return
    several = len(report.series) > 1
    remarks = [_remark(s) for _, _, s in spectra]
    rows = []
    for (of, name, s), remark in zip(spectra, remarks, strict=True):
        cells = [Cell(name), Cell(f"{integer(s.rows)} × {integer(s.columns)}")]
        norm, fit = number_cell(s.norm), s.power_law
        if s.norm is not None and not s.exact:
            norm = Cell("≥ " + norm.text, sort=norm.sort, title=norm.title)
        cells += [norm, number_cell(s.stable_rank, 3), _with_error(s.effective_rank, s.rank_error)]
        cells += [
            _with_error(fit.alpha if fit else None, fit.error if fit else 0.0),
            number_cell(fit.distance if fit else None, 2),
        ]
        cells += [*([Cell(remark)] if any(remarks) else []), *([Cell(of)] if several else [])]
        rows.append(Row(tuple(cells)))
    text = "For information: these numbers describe how the weights use their directions; no rule judges them."
    if left_out := sum(bool(s.left_out) for _, _, s in spectra):
        text += f" {integer(left_out)} of {integer(len(rows))} matrices were left out; the table says why."
    columns = (
        Column("Weights", numeric=False),
        Column("Matrix", numeric=False),
        Column(
            "Spectral norm",
            definition="Largest singular value; ≥ where it is estimated, at most 0.01 % below the true one.",
        ),
        Column("Stable rank", definition="‖W‖_F² / ‖W‖₂²."),
        Column(
            "Effective rank",
            definition="exp of the entropy of the normalised singular values; ± its error where they are estimated.",
        ),
        Column(
            "Alpha",
            definition="Exponent of the power law of the eigenvalues' tail; ± its error where they are estimated.",
        ),
        Column("KS", definition="Distance between the eigenvalues' tail and the fitted power law."),
        *([Column("Remark", numeric=False)] if any(remarks) else []),
        *([Column("Series", numeric=False)] if several else []),
    )
    note = "Alpha and its distance KS are shown from 50 eigenvalues on. See Definitions."
    table = bounded("Spectra of the weights", columns, rows, medium, note=note)
    yield Section("spectra", "Spectra", (Paragraph(text), table, *_courses(report, medium)))


def _remark(s: Spectrum) -> str:
    return f"left out: {s.left_out}" if s.left_out else "" if s.exact else "estimated: too large for exact ones"


def _with_error(value: float | None, error: float) -> Cell:
    cell = number_cell(value, 3)
    return Cell(f"{cell.text} ± {number(error, 2)}", sort=cell.sort, title=cell.title) if error else cell


def _courses(report: Report, medium: Medium) -> Iterator[Block]:
    """Alpha and ranks over the checkpoints of every series of which more than one was measured."""
    several = len(report.series) > 1
    rows, gaps = [], 0
    for series in report.series:
        measured = sum(bool(spectra) for spectra in series.all_spectra)
        if measured < 2:
            continue
        gaps += len(series.all_spectra) - measured
        for name in series.spectra:
            course = [spectra.get(name) for spectra in series.all_spectra]
            values = [
                [s.power_law.alpha if s and s.power_law else None for s in course],
                [s.effective_rank if s else None for s in course],
                [s.stable_rank if s else None for s in course],
            ]
            if any(v is not None for of in values for v in of):
                cells = [cell for of in values for cell in _course(of)]
                rows.append(Row((Cell(name), *cells, *([Cell(series.name)] if several else []))))
    if not rows:
        return
    columns = [Column("Weights", numeric=False)]
    for title in ("Alpha", "Effective rank", "Stable rank"):
        columns += [
            Column(title, unit="first", extra=True),
            Column(title, unit="last"),
            Column(title, unit="course", numeric=False),
        ]
    columns += [Column("Series", numeric=False)] if several else []
    note = "One mark for each checkpoint; every course is drawn from its own smallest to its largest number."
    if gaps:
        note += f" {counted(gaps, 'checkpoint')} could not be read again and left a gap."
    yield bounded("Spectra over training", tuple(columns), rows, medium, note=note)


def _course(values: Sequence[float | None]) -> Iterator[Cell]:
    """The first and the last number, and all of them as a sparkline."""
    known = [v for v in values if v is not None]
    yield number_cell(known[0] if known else None, 3)
    yield number_cell(known[-1] if known else None, 3)
    yield Cell(sparkline(values) if known else "")
