"""The sections on how to read the numbers: definitions, and the settings of the run."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.derive.statistics import STATISTICS
from reporter.model.blocks import Facts, Paragraph
from reporter.model.page import Section
from reporter.model.report import Report
from reporter.sections import deployment, layer_trends, paired, spectral
from reporter.sections.base import Medium

TERMS = (*paired.DEFINITIONS, layer_trends.SLOPE, layer_trends.COURSE, layer_trends.CHANGE_POINT)

_WORDS = (
    *((column.title, column.definition) for column in TERMS),
    (
        "Exact and estimated",
        "Two checkpoints are compared value by value, which is exact, while both files are there. Of a file that is "
        "gone, 1 024 signed sums per tensor are kept (a count sketch): distances from them have a "
        "standard error of 2.2 % or less, printed beside the number; tensors of up to 1 024 values stay exact.",
    ),
    (
        "Distance of each to each",
        "‖W_b − W_a‖ / ‖W_a‖, a the earlier checkpoint, over the tensors that all checkpoints have, from the sketches.",
    ),
    (
        "Checkpoint, series",
        "The files that hold the weights at one moment; checkpoints of one model in order of steps.",
    ),
    (
        "Tensor, layer, weight",
        "A stored array of numbers; the tensors of one building block of the model; a tensor that training adjusts.",
    ),
    (
        "Kernel, bias, embedding",
        "The matrix that a layer multiplies its input with; the numbers that it then adds; a table with one row of "
        "numbers per word or category.",
    ),
    (
        "Gradient, optimizer, slot",
        "The direction in which a weight should change; the method that applies it; the numbers that the method keeps "
        "per weight, such as Adam's second moments.",
    ),
    ("Output unit", "One output of a layer (a neuron or channel) and the weights that lead into it."),
    ("Dead unit", "A unit that outputs the same whatever the input, and therefore learns nothing."),
    (
        "Equal to the bit",
        "Two stored numbers with exactly the same bits: nothing has been added to them, however little.",
    ),
    ("Finding, remark", "A cause that a rule has found; a remark (INFO) is no part of the verdict."),
    (
        "Quantiles",
        "Linear interpolation between order statistics, as numpy.quantile. Exact for a single tensor; for "
        "layers and wholes of several tensors each order statistic is known to within 2⁻⁸ of its magnitude.",
    ),
    (
        "Histograms",
        "Exact counts in half-open bins [a, b) whose edges have at most 8 significant bits, so that all "
        "checkpoints share them. Values outside a robust range are counted and labelled, not drawn.",
    ),
    ("—, n/a, NaN", "— : there is no data. n/a: the number is not defined for such data. NaN: the number is NaN."),
)


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The glossary and the settings."""
    yield from definitions(report, medium)
    yield Section("settings", "Settings", (Facts(tuple(report.settings.items())),), folded=medium == "html")


def definitions(report: Report, medium: Medium) -> Iterator[Section]:
    """The glossary, with terms of deployment and spectra only if the report has these."""
    intro = Paragraph("All statistics but the counts speak of the finite values; NaN and infinities are counted apart.")
    terms = tuple((s.title, s.definition) for s in STATISTICS) + _WORDS
    if any(s.readiness for s in report.series):
        terms += deployment.WORDS
    if any(s.spectra for s in report.series):
        terms += spectral.WORDS
    yield Section("glossary", "Definitions", (intro, Facts(terms, "terms")), folded=medium == "html")


def of_checkpoint(report: Report, _at: int, _place: int) -> Iterator[Section]:
    """The glossary on the page of a checkpoint."""
    yield from definitions(report, "html")
