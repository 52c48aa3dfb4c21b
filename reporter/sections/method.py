"""How to read the numbers: definitions, settings, and what was run."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.page import Facts, Paragraph, Section
from reporter.model.report import Report
from reporter.sections import layer_trends, paired
from reporter.sections.base import Medium
from reporter.statistics import STATISTICS

_WORDS = (
    *((column.title, column.definition) for column in (*paired.DEFINITIONS, layer_trends.CHANGE_POINT)),
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
    """Glossary and settings."""
    intro = Paragraph("All statistics but the counts speak of the finite values; NaN and infinities are counted apart.")
    definitions = tuple((s.title, s.definition) for s in STATISTICS)
    yield Section("glossary", "Definitions", (intro, Facts(definitions + _WORDS)), folded=medium == "html")
    yield Section("settings", "Settings", (Facts(tuple(report.settings.items())),), folded=medium == "html")
