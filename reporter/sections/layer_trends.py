"""Tables of how the statistics of each layer changed over the checkpoints, and of sudden changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reporter.model.comparison import Comparison
from reporter.model.page import Cell, Column, Row, Table
from reporter.model.trend import PART, SHORTEST, THRESHOLD, Trend
from reporter.numerals import integer, number
from reporter.printable import layer_name
from reporter.sections.base import BY_NAME, Medium, bounded, number_cell, statistic_cell
from reporter.sections.sparkline import sparkline

Course = npt.NDArray[np.float64]
"""A statistic of a layer at every checkpoint, NaN where there is no number; shape (checkpoints,)."""

Courses = Mapping[tuple[str, str], Course]
"""The courses by layer and statistic."""

SHOWN: dict[Medium, tuple[str, ...]] = {
    "html": ("l2_norm", "mean", "std", "min", "max", "kurtosis", "zero_share"),
    "pdf": ("l2_norm", "mean", "std"),
}
"""The statistics in the table; report.json has all that are followed."""

PDF_LAYERS = 10
"""Most layers in the table of the PDF."""

SUDDEN = {"html": 40, "pdf": 10}
"""Most rows of the table of sudden changes."""

COURSE = Column(
    "Course",
    numeric=False,
    course=True,
    definition="One block per checkpoint (evenly chosen ones of many), from the row's smallest number to its largest.",
)
SLOPE = Column("Slope", definition="Of the least-squares line through all checkpoints, each at its step.", extra=True)
CHANGE_POINT = Column(
    "Sudden change",
    definition=f"The step at which the course splits best into two levels (largest difference of two segment means), "
    f"where these are at least {THRESHOLD:g} standard deviations within the segments apart, and the split leaves less "
    "than half the variance of a straight line over the steps. "
    f"Looked for in {SHORTEST} or more checkpoints, {PART} at least on either side.",
)


def tables(series: Comparison, medium: Medium) -> Iterator[Table]:
    """A table of the trends of all layers, and one of the sudden changes; none for a single checkpoint."""
    if not series.trends:
        return
    courses = _courses(series)
    yield _trends(series, courses, medium)
    sudden = _sudden(series, courses, medium)
    if sudden:
        yield sudden


def _courses(series: Comparison) -> Courses:
    statistics = tuple(dict.fromkeys(trend.statistic for trend in series.trends))
    table = series.layer_courses(statistics)
    return {(layer, name): table[i, j] for i, layer in enumerate(series.layers) for j, name in enumerate(statistics)}


def slope_unit(series: Comparison) -> tuple[str, float]:
    """The unit in which slopes are printed, in words and as a number of steps or checkpoints."""
    positions = series.positions
    if positions is None:
        return "per checkpoint", 1.0
    return ("per 1 000 steps", 1000.0) if positions[-1] - positions[0] >= 1000 else ("per step", 1.0)


def _trends(series: Comparison, courses: Courses, medium: Medium) -> Table:
    by_layer: dict[str, list[Trend]] = {}
    flat = 0
    for trend in series.trends:
        if trend.statistic in SHOWN[medium]:
            if _is_flat(courses[trend.layer, trend.statistic]):
                flat += 1
            else:
                by_layer.setdefault(trend.layer, []).append(trend)
    ranked = sorted(by_layer, key=lambda layer: -_norm_change(by_layer[layer]))
    unit, factor = slope_unit(series)
    shown = ranked[:PDF_LAYERS] if medium == "pdf" else ranked
    rows = [
        _row(series, trend, courses[layer, trend.statistic], factor)
        for layer in shown
        for trend in sorted(by_layer[layer], key=lambda t: SHOWN[medium].index(t.statistic))
    ]
    columns = (
        Column("Layer", numeric=False),
        Column("Statistic", numeric=False),
        Column("First"),
        Column("Last"),
        Column("Change", definition="Last − first.", extra=True),
        Column("Change", unit="% of first", definition="(Last − first) / |first|."),
        replace(SLOPE, unit=unit),
        COURSE,
        CHANGE_POINT,
    )
    note = "Layers whose norm changed most, up or down, come first; numbers are of checkpoints without NaN or infinity."
    if flat:
        note += f" {integer(flat)} statistics that are the same in every checkpoint, to six digits, are left out."
    if len(shown) < len(ranked):
        note += f" {PDF_LAYERS} of {integer(len(ranked))} layers; the attached report.json has all of them."
    return bounded("Trends by layer", columns, rows, medium, note=note)


def _norm_change(trends: list[Trend]) -> float:
    """How much the norm of a layer grew or shrank from the first checkpoint to the last: |log of their ratio|."""
    norm = next((t for t in trends if t.statistic == "l2_norm"), None)
    if norm is None or norm.first == norm.last:
        return 0.0
    return abs(math.log(norm.last / norm.first)) if norm.first > 0 and norm.last > 0 else math.inf


def _row(series: Comparison, trend: Trend, course: Course, factor: float) -> Row:
    statistic = trend.statistic
    relative = trend.change / abs(trend.first) if trend.first else None
    point = trend.change_point
    broken = _broken(series, trend.layer)
    cells = (
        Cell(layer_name(trend.layer)),
        Cell(BY_NAME[statistic].title),
        statistic_cell(statistic, trend.first),
        Cell("NaN/Inf", level="fail") if broken else statistic_cell(statistic, trend.last),
        Cell("—") if broken else Cell(_signed(trend.change), sort=trend.change),
        Cell("—") if broken or relative is None else Cell(_percent(relative), sort=relative),
        number_cell(None if trend.slope is None else trend.slope * factor, 3),
        Cell(sparkline(course.tolist())),
        Cell(series.labels[point.place] if point else "—", sort=float(point.place) if point else None),
    )
    return Row(cells)


def _broken(series: Comparison, layer: str) -> bool:
    """Whether some of the layer's trained values are not finite in the last checkpoint that has it."""
    holding = [m for m in series.measured if layer in m.layer_by_name]
    return bool(holding) and holding[-1].trained_layer(layer).summary.non_finite > 0


def _is_flat(course: Course) -> bool:
    known = course[~np.isnan(course)].tolist()
    # Smaller differences come from rounding, in float32 weights or float64 sums. As the sparkline of a row reaches from
    # its smallest to its largest number, they would look like large changes.
    return not known or max(known) - min(known) <= 1e-6 * max(map(abs, known))


def _percent(relative: float) -> str:
    text = integer(round(100 * relative)) if 10 <= abs(relative) < 1e6 else number(100 * relative, 3)
    return ("+" if relative > 0 else "") + text + " %"


def _signed(value: float, digits: int = 4) -> str:
    return ("+" if value > 0 else "") + number(value, digits)


def _sudden(series: Comparison, courses: Courses, medium: Medium) -> Table | None:
    found = [(t, t.change_point) for t in series.trends if t.change_point is not None]
    if not found:
        return None
    found.sort(key=lambda f: -f[1].effect)
    limit = SUDDEN[medium]
    rows = tuple(
        Row(
            (
                Cell(layer_name(trend.layer)),
                Cell(BY_NAME[trend.statistic].title),
                Cell(series.labels[point.place], sort=float(point.place)),
                statistic_cell(trend.statistic, point.before),
                statistic_cell(trend.statistic, point.after),
                Cell("∞" if math.isinf(point.effect) else number(point.effect, 3), sort=min(point.effect, 1e308)),
                Cell(sparkline(courses[trend.layer, trend.statistic].tolist())),
            )
        )
        for trend, point in found[:limit]
    )
    columns = (
        Column("Layer", numeric=False),
        Column("Statistic", numeric=False),
        Column("From step", definition="The first checkpoint at the new level."),
        Column("Mean before"),
        Column("Mean after"),
        Column(
            "Distance",
            unit="σ",
            definition="Distance of the two means in standard deviations within the segments.",
            extra=True,
        ),
        COURSE,
    )
    note = CHANGE_POINT.definition
    more = len(found) - len(rows)
    return Table(
        "Sudden changes", columns, rows, note, more, "the attached report.json" if medium == "pdf" else "report.json"
    )
