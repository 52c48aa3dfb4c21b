"""Tables of how the statistics of a layer changed over the checkpoints, and of sudden changes of all layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reporter.model.comparison import Comparison
from reporter.model.table import Cell, Column, Row, Spark, Table
from reporter.model.trend import PART, SHORTEST, THRESHOLD, Trend
from reporter.numerals import integer, number
from reporter.printable import layer_name
from reporter.sections.base import BY_NAME, Medium, number_cell, statistic_cell
from reporter.sections.card_anchors import name_links
from reporter.sections.sparkline import sparkline

Course = npt.NDArray[np.float64]
"""A statistic of a layer at every checkpoint, NaN where there is no number; shape (checkpoints,)."""

Courses = Mapping[tuple[str, str], Course]
"""The courses by layer and statistic."""

CAPTION = "Trends of the trained weights"

SHOWN = ("l2_norm", "mean", "std", "min", "max", "kurtosis", "zero_share")
"""The statistics in the table of a layer; report.json has all that are followed."""

SUDDEN: dict[Medium, int] = {"html": 40, "pdf": 6, "index": 40}
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


def tables_of(series: Comparison) -> Mapping[str, Table]:
    """For each layer the trends of its trained weights; those that are the same at all checkpoints are left out, and so
    is the column of sudden changes where no layer has any."""
    if not series.trends:
        return {}
    courses = _courses(series)
    by_layer: dict[str, list[Trend]] = {}
    for trend in series.trends:
        if trend.statistic in SHOWN and not _is_flat(courses[trend.layer, trend.statistic]):
            by_layer.setdefault(trend.layer, []).append(trend)
    unit, factor = slope_unit(series)
    sudden = any(trend.change_point for of in by_layer.values() for trend in of)
    columns = (
        Column("Statistic", numeric=False),
        Column("First"),
        Column("Last"),
        Column("Change", definition="Last − first.", extra=True),
        Column("Change", unit="% of first", definition="(Last − first) / |first|."),
        replace(SLOPE, unit=unit),
        COURSE,
        *([CHANGE_POINT] if sudden else []),
    )
    return {
        layer: Table(
            CAPTION,
            columns,
            tuple(
                _row(series, trend, courses[layer, trend.statistic], factor, broken, sudden)
                for trend in sorted(of, key=lambda t: SHOWN.index(t.statistic))
            ),
        )
        for layer, of in by_layer.items()
        for broken in [_broken(series, layer)]
    }


def _row(series: Comparison, trend: Trend, course: Course, factor: float, broken: bool, sudden: bool) -> Row:
    statistic = trend.statistic
    relative = trend.change / abs(trend.first) if trend.first else None
    point = trend.change_point
    cells = [
        Cell(BY_NAME[statistic].title),
        statistic_cell(statistic, trend.first),
        Cell("NaN/Inf", level="fail") if broken else statistic_cell(statistic, trend.last),
        Cell("—") if broken else Cell(_signed(trend.change), sort=trend.change),
        Cell("—") if broken or relative is None else Cell(_percent(relative), sort=relative),
        number_cell(None if trend.slope is None else trend.slope * factor, 3),
        course_cell(course.tolist()),
    ]
    if sudden:
        cells.append(Cell(series.labels[point.place] if point else "—", sort=float(point.place) if point else None))
    return Row(tuple(cells))


def course_cell(values: Sequence[float]) -> Cell:
    """A course as a small picture, and as block characters on paper."""
    return Cell(sparkline(values), mark=Spark(tuple(None if math.isnan(v) else v for v in values)))


def _broken(series: Comparison, layer: str) -> bool:
    """Whether some of the layer's trained values are not finite in the last checkpoint that has it."""
    last = next((m for m in reversed(series.measured) if layer in m.layout.layer_places), None)
    return last is not None and last.trained_layer(layer).summary.non_finite > 0


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


def sudden(series: Comparison, medium: Medium, where: str) -> Table | None:
    """A table of the sudden changes, the largest first, and ``where`` all are; None if there are none."""
    courses = _courses(series)
    found = [(t, t.change_point) for t in series.trends if t.change_point is not None]
    if not found:
        return None
    found.sort(key=lambda f: -f[1].effect)
    limit, links = SUDDEN[medium], name_links(series, medium)
    rows = tuple(
        Row(
            (
                Cell(layer_name(trend.layer), href=links.get(trend.layer, "")),
                Cell(BY_NAME[trend.statistic].title),
                Cell(series.labels[point.place], sort=float(point.place)),
                statistic_cell(trend.statistic, point.before),
                statistic_cell(trend.statistic, point.after),
                Cell("∞" if math.isinf(point.effect) else number(point.effect, 3), sort=min(point.effect, 1e308)),
                course_cell(courses[trend.layer, trend.statistic].tolist()),
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
    return Table("Sudden changes", columns, rows, note, more, where)
