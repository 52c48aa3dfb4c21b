"""The section on what moved in the last checkpoint of a series, and what did not, since several earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reporter.model.blocks import Paragraph
from reporter.model.change import Change
from reporter.model.common_folder import common_folder
from reporter.model.comparison import Comparison, Pair
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.shift import Shift
from reporter.model.table import Cell, Column, Row, Table
from reporter.model.trend import Movement, Since
from reporter.numerals import integer
from reporter.printable import layer_name
from reporter.sections.base import Medium, bounded, number_cell, of_series
from reporter.sections.card_anchors import name_links
from reporter.sections.narrative import capital
from reporter.sections.paired import (
    COSINE,
    NON_FINITE,
    UNCHANGED,
    UPDATE,
    WASSERSTEIN,
    cosine_cell,
    exactness,
    finiteness,
    non_finite_cell,
    unchanged_cell,
    update_cell,
    wasserstein_cell,
)

EACH = 5
"""How many layers, and tensors, that moved most are shown for each checkpoint that the last one is compared with. Most
of them are the same for all."""

NAMED = 12
"""Most names that are listed of what did not move."""


def build(report: Report, at: int, medium: Medium) -> Section:
    """The section of one series.

    Args:
        report: the report.
        at: index of the series.
        medium: what the section is for.
    """
    return of_series(report, at, "moved", "What moved", _blocks(report.series[at], medium))


def _blocks(series: Comparison, medium: Medium) -> Iterator[Block]:
    pairs = series.latest
    yield Paragraph(_about(series, pairs))
    yield _most("Layers that moved most", "Layer", series, medium, layers=True)
    if medium != "pdf":
        yield _most("Tensors that moved most", "Tensor", series, medium, layers=False)
    yield _still(series, pairs, medium)


def _about(series: Comparison, pairs: Mapping[Since, Pair]) -> str:
    against = _joined([_named(series, since, pair) for since, pair in pairs.items()])
    exact = exactness(pairs.values(), recorded=series.recorded)
    return f"{capital(series.moment(-1))} against {against}. {exact} {finiteness(pairs.values())}"


def _named(series: Comparison, since: Since, pair: Pair) -> str:
    """An earlier checkpoint, and which one it is; the word "checkpoint" comes once, as its moment may begin with it."""
    if since == "baseline":
        return f"{_since(since)} ({series.baseline})"
    return f"the {'one before' if since == 'previous' else since} ({series.moment(pair.before)})"


def _joined(parts: list[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _since(since: Since) -> str:
    return {"previous": "the previous checkpoint", "first": "the first", "baseline": "the baseline"}[since]


def _most(caption: str, what: str, series: Comparison, medium: Medium, *, layers: bool) -> Table:
    """A table of the layers or tensors that moved most since any of the earlier checkpoints.

    They are in the order of their updates since the previous checkpoint.

    Args:
        caption: of the table.
        what: what a row is, the heading of the first column.
        series: the series.
        medium: what the table is for.
        layers: whether rows are layers; otherwise they are tensors.
    """
    pairs = series.latest
    ranked = {m.since: m.layers if layers else m.tensors for m in series.moved}
    chosen = dict.fromkeys(name for names in ranked.values() for name in names[:EACH])
    order = {name: i for names in reversed(ranked.values()) for i, name in enumerate(names)}
    first = next(iter(ranked.values()), ())
    place = {name: i for i, name in enumerate(first)}
    names = sorted(chosen, key=lambda n: (place.get(n, len(place)), order[n]))
    html = medium == "html"
    columns = [Column(what, numeric=False), *([] if layers or not html else [Column("Role", numeric=False)])]
    for since, pair in pairs.items():
        columns += [
            replace(c, unit=since, extra=since == "previous" and c is not UPDATE)
            for c in _columns(since, pair, narrow=not html)
        ]
    largest = html and layers and len(series.pairs) > 1
    if largest:
        columns += [
            Column("Largest update", unit="of neighbours", definition="Over all pairs of neighbouring checkpoints."),
            Column("Reached", unit="at step"),
        ]
    prefix, links = common_folder(series.layers), name_links(series, medium)
    rows = []
    for name in names:
        cells = [
            Cell(layer_name(name.removeprefix(prefix)), href=links.get(name, ""), title=name if prefix else ""),
            *([] if layers or not html else [Cell(series.measured[-1].by_name[name].info.role)]),
        ]
        for since, pair in pairs.items():
            change, shift = _of(pair, name, layers)
            cells += [update_cell(change), cosine_cell(change)]
            if since == "previous" and not (pair.whole.left_out and not html):
                cells += [unchanged_cell(change), wasserstein_cell(shift)]
            cells += [non_finite_cell(change)] if pair.whole.left_out else []
        if largest:
            cells += _largest(series, name)
        rows.append(Row(tuple(cells)))
    note = "" if layers and html else _note(pairs, layers)
    if prefix:
        note += f" All names begin with {prefix} which is left out."
    return bounded(caption, columns, rows, medium, note=note)


def _note(pairs: Mapping[Since, Pair], alone: bool) -> str:
    which = _joined([f"since {_since(since)}" for since in pairs])
    of = f"The {EACH}" if alone else f"In both tables: the {EACH}"
    return (
        f"{of} that moved most {which}, by relative update; what is not finite comes before. Below each heading: "
        "which checkpoint the last one is held against. W1 / σ has its largest error beside it where that shows."
    )


def _columns(since: Since, pair: Pair, *, narrow: bool) -> tuple[Column, ...]:
    """What is told of a pair; where values are not finite, that takes on paper the place of two other columns."""
    odd = bool(pair.whole.left_out)
    columns = (
        (UPDATE, COSINE, UNCHANGED, WASSERSTEIN) if since == "previous" and not (odd and narrow) else (UPDATE, COSINE)
    )
    return (*columns, NON_FINITE) if odd else columns


def _of(pair: Pair, name: str, layers: bool) -> tuple[Change | None, Shift | None]:
    """The change and the shift of a layer or tensor, by its name."""
    if layers:
        return pair.layers.get(name), pair.layer_shifts.get(name)
    return pair.tensors.get(name), pair.tensor_shifts.get(name)


def _largest(series: Comparison, name: str) -> list[Cell]:
    """The largest update of a layer between neighbouring checkpoints, and the step at which it was reached."""
    updates = [
        (update, pair)
        for pair in series.pairs
        if name in pair.layers and (update := pair.layers[name].relative_update) is not None
    ]
    if not updates:
        return [Cell("—"), Cell("—")]
    largest, pair = max(updates, key=lambda u: u[0])
    return [number_cell(largest), Cell(series.labels[pair.after], sort=float(pair.after))]


def _still(series: Comparison, pairs: Mapping[Since, Pair], medium: Medium) -> Table:
    """A table of the layers and tensors that did not move since each of the earlier checkpoints."""
    rows = []
    for movement in series.moved:
        steps = series.steps_between(pairs[movement.since])
        for what, still, moving in _kinds(movement):
            if not still and not moving:
                continue
            rows.append(
                Row(
                    (
                        Cell(_since(movement.since)),
                        Cell(integer(steps) if steps else "—", sort=steps),
                        Cell(what),
                        Cell(f"{integer(len(still))} of {integer(len(still) + len(moving))}", sort=float(len(still))),
                        Cell(_listing(still)),
                    )
                )
            )
    columns = (
        Column("Since", numeric=False),
        Column("Steps", definition="Training steps in between, where they are known."),
        Column("What", numeric=False),
        Column("Not moved", definition="Equal to the bit in both checkpoints; of an estimate: equal sketches."),
        Column("Which", numeric=False),
    )
    note = "Others: variables that are not trained, such as moving statistics; those of a frozen layer need not move."
    return bounded("What did not move at all", columns, rows, medium, note=note)


def _kinds(movement: Movement) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    return (
        ("layers", movement.still_layers, movement.layers),
        ("tensors", movement.still_tensors, movement.tensors),
        *([("others", movement.still_apart, movement.apart)] if movement.apart or movement.still_apart else []),
    )


def _listing(names: tuple[str, ...]) -> str:
    more = f" and {integer(len(names) - NAMED)} more" if len(names) > NAMED else ""
    return ", ".join(map(layer_name, names[:NAMED])) + more if names else "none"
