"""Matplotlib figures for programs and notebooks, which their readers can go on with: change, save, close by dropping.

They are made without pyplot, so that no figure stays open, no backend is chosen and no setting of the process is
touched; the user's own style applies. Names from checkpoints are never interpreted as mathematical notation.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reporter.model.histogram import Histogram
from reporter.numerals import number
from reporter.plots.colours import OKABE_ITO
from reporter.printable import brief

LONGEST = 60
"""Most characters of a name in a figure."""


class OpenFigure(Figure):
    """A matplotlib figure that a notebook shows as a picture, whether or not pyplot is in use."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", bbox_inches="tight", metadata={"Software": None})
        return file.getvalue()


def histograms(title: str, samples: Mapping[str, Histogram | None]) -> OpenFigure:
    """The share of the values in each bin, divided by the bin's width, as bins need not be equally wide.

    Args:
        title: of the figure.
        samples: histograms by what they are called in the legend; a single one needs no name.
    """
    figure, axes = _empty((6.4, 3.6), title)
    known = {name: found for name, found in samples.items() if found is not None}
    for (name, found), colour in zip(known.items(), OKABE_ITO, strict=False):
        edges = np.array(found.edges)
        density = np.array(found.counts) / max(found.total, 1) / np.diff(edges)
        label = brief(name, LONGEST)
        axes.stairs(density, edges, fill=len(known) == 1, color=colour, alpha=0.85, linewidth=1.5, label=label)
    if not known:
        axes.text(0.5, 0.5, "no finite values", ha="center", va="center", transform=axes.transAxes)
    outside = sum(found.below + found.above for found in known.values())
    axes.set_xlabel("weight value" + (f" ({outside:,} values lie outside)" if outside else ""))
    axes.set_ylabel("density")
    if len(known) > 1:
        for text in axes.legend(frameon=False).get_texts():
            text.set_parse_math(False)
    return figure


def updates(title: str, names: Sequence[str], values: Sequence[float], more: int) -> OpenFigure:
    """Relative updates as bars, the largest on top, on a logarithmic scale.

    Args:
        title: of the figure.
        names: of the tensors, in the order of the bars.
        values: ‖b − a‖ / ‖a‖ of each, positive and finite.
        more: how many others changed that are not drawn.
    """
    figure, axes = _empty((6.4, max(1.8, 0.9 + 0.24 * len(names))), title)
    places = np.arange(len(names))
    axes.barh(places, values, color=OKABE_ITO[0], height=0.7)
    axes.set_yticks(places)
    for label, name in zip(axes.set_yticklabels(list(names)), names, strict=True):
        label.set_parse_math(False)
        label.set_text(brief(name, 40))
    axes.invert_yaxis()
    if names:
        axes.set_xscale("log")
        low = min(values)
        axes.set_xlim(left=low / 3)
        for place, value in zip(places, values, strict=True):
            axes.annotate(number(value, 3), (value, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.margins(x=0.12)
    else:
        axes.text(0.5, 0.5, "no tensor changed", ha="center", va="center", transform=axes.transAxes)
        axes.set_xticks([])
    axes.set_xlabel("relative update ‖b − a‖ / ‖a‖" + (f" ({more:,} more tensors changed)" if more else ""))
    return figure


def _empty(size: tuple[float, float], title: str) -> tuple[OpenFigure, Any]:
    figure = OpenFigure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(brief(title, LONGEST), loc="left", fontsize="medium", parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
