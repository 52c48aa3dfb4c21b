"""A line chart of several runs of one model, each at its own steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reporter.model.blocks import Figure
from reporter.model.figures import Course
from reporter.numerals import integer
from reporter.plots.colours import OKABE_ITO
from reporter.plots.curves import TOLD, begin, column_of, draw_line, nothing, of_courses
from reporter.plots.scale import Whole, tick_labels
from reporter.plots.words import listing, plural, quoted, sentence, trend


def runs(name: str, title: str, courses: Mapping[str, Course], unit: str, axis: str) -> Figure:
    """Draw a line for each run, at most eight; the caption says how many more there are.

    Args:
        name: of the picture's file, without suffix.
        title: what the lines show.
        courses: for each run its name, and its numbers with their positions.
        unit: of the numbers, as in :data:`reporter.derive.statistics.STATISTICS`, or any text.
        axis: what the positions are, such as "step".
    """
    shown = dict(list(courses.items())[: len(OKABE_ITO)])
    columns = {n: column_of(c.values) for n, c in shown.items()}
    canvas, begun = begin(title, columns, unit, keys=True)
    if begun is None:
        return canvas.figure(name, *nothing(title))
    panel, y, styles = begun
    places = np.concatenate([np.asarray(c.positions, np.float64) for c in shown.values()])
    x = Whole(float(places.min()), float(places.max()), panel.left + 8, panel.right - 8)
    for run, colour, mark, dashes in styles:
        draw_line(canvas, x(shown[run].positions), y(columns[run]), colour, mark, dashes)
    panel.x_axis(x, axis, _whole)
    canvas.read(of_courses(panel, x, {n: (c.positions, c.values) for n, c in shown.items()}, unit))
    return canvas.figure(name, _alt(title, shown), _caption(len(courses) - len(shown), columns))


def _whole(ticks: Sequence[float]) -> list[str]:
    """Labels of steps with all digits, such as 1000 instead of 1e+03; numbers that cannot be steps are abbreviated."""
    plain = all(t == round(t) and abs(t) < 1e9 for t in ticks)
    return [str(round(t)) for t in ticks] if plain else tick_labels(ticks)


def _alt(title: str, shown: Mapping[str, Course]) -> str:
    told = [
        f"{quoted(n)} {trend(c.labels, [None if v != v else float(v) for v in column_of(c.values)])}"
        for n, c in list(shown.items())[:TOLD]
    ]
    more = list(shown)[TOLD:]
    return sentence(
        f"{quoted(title)}: line chart of {plural(len(shown), 'run')}",
        "; ".join(told),
        f"Also shown: {listing(more, 5)}" if more else "",
    )


def _caption(left_out: int, columns: Mapping[str, np.ndarray]) -> str:
    return sentence(
        "Every run at its own checkpoints",
        "Gaps: there is no finite number" if any(np.isnan(c).any() for c in columns.values()) else "",
        f"{integer(left_out)} more runs are not drawn" if left_out else "",
    )
