"""Results as small HTML tables for notebooks, which are stored in the notebook's file with every output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from reporter.library.bins import binned
from reporter.library.sample import Sample
from reporter.numerals import number
from reporter.printable import brief

MOST_BYTES = 48_000
"""Rows that do not fit are left out, and counted below the table."""

LONGEST = 60
"""Most characters of a name."""

BLOCKS = " ▁▂▃▄▅▆▇█"
"""A character for each height of a bar. A picture for each row would take several times as many bytes."""

BARS = (24, 12)
"""Bars of a thumbnail in a table of up to :data:`FEW` rows, and in one of more."""

FEW = 100

_STYLE = (
    "<style>.ckr td,.ckr th{padding:1px .5em;text-align:right;white-space:nowrap}.ckr :first-child{text-align:left}"
    ".ckr i{white-space:pre;font:12px/1 monospace;color:#0072b2}.ckr b{color:#d55e00}</style>"
)


def thumbnail(samples: Sequence[Sample], bars: int) -> list[str]:
    """Histograms as text, a character for each bin, on the same bins; "" for a sample without finite values.

    A bin with few values is never drawn as an empty one.
    """
    found = binned([sample.summary for sample in samples], bars)
    drawn = []
    for one in found:
        if one is None:
            drawn.append("")
            continue
        density = np.array(one.counts) / np.diff(one.edges)
        heights = np.ceil(density / max(density.max(), 1e-300) * (len(BLOCKS) - 1)).astype(int)
        drawn.append("".join(BLOCKS[height] for height in heights))
    return drawn


def html_table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()) -> str:
    """A table of at most :data:`MOST_BYTES`.

    Args:
        caption: above the table, as text.
        heads: of the columns, as text.
        rows: cells of each row, as markup.
        notes: below the table, as text; each is one line.
    """
    start = f"{_STYLE}<table class=ckr><caption>{escape(caption)}</caption><tr>"
    parts = [start, *(f"<th>{escape(head)}" for head in heads)]
    used, left_out = sum(len(part.encode()) for part in parts), 0
    for cells in rows:
        row = "<tr><td>" + "<td>".join(cells)
        used += len(row.encode())
        if left_out or used > MOST_BYTES:
            left_out += 1
        else:
            parts.append(row)
    parts.append("</table>")
    said = [f"{left_out:,} more rows: to_pandas() has all of them"] if left_out else []
    parts += [f"<div>{escape(brief(note, 300))}</div>" for note in (*said, *list(notes)[:5])]
    return "".join(parts)


def name_cell(name: str) -> str:
    """A name as markup, shortened."""
    return escape(brief(name, LONGEST), quote=False)


def number_cell(value: float | int | None) -> str:
    """A number with three digits as markup; one that is not finite is marked."""
    text = number(value, 3)
    return f"<b>{text}</b>" if value is not None and not np.isfinite(value) else text.replace("−", "-")


def samples_html(caption: str, variables: Sequence[Sample], notes: Iterable[str]) -> str:
    """A row for each variable: name, shape, histogram, and five numbers."""
    bars = BARS[len(variables) > FEW]
    return html_table(
        caption,
        ("variable", "shape", "histogram", "min", "mean", "max", "std", "NaN, Inf"),
        (_row(one, bars) for one in variables),
        notes,
    )


def _row(sample: Sample, bars: int) -> tuple[str, ...]:
    bad = sample.summary.non_finite
    return (
        name_cell(sample.name),
        "×".join(map(str, sample.shape)) or "scalar",
        f"<i>{thumbnail([sample], bars)[0]}</i>",
        *(number_cell(sample.statistics.get(name)) for name in ("min", "mean", "max", "std")),
        f"<b>{bad}</b>" if bad else "0",
    )
