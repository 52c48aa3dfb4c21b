"""The roles of a series' tensors one by one: weights first, then what stands beside them, then optimizer state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reporter.model.change import Change
from reporter.model.comparison import Comparison, Pair
from reporter.model.measured import GroupMeasure
from reporter.model.page import Cell, Column, Row, Table
from reporter.model.trained import APART
from reporter.numerals import counted, integer
from reporter.sections.base import NON_FINITE, Medium, bounded, count_cell, non_finite_cell, statistic_cell
from reporter.sections.paired import UPDATE, update_cell


def covered(series: Comparison) -> str:
    """A sentence on which values the headlines speak of, and how that is known."""
    last = series.measured[-1]
    infos = {info.name: info for info in last.infos}
    told = all(infos[name].trainable is not None for name in last.trained.tensors)
    few = len(last.trained.tensors) < len(last.whole.tensors)
    text = f"Statistics are of the {counted(last.trained.parameters, 'trained value')}"
    if few:
        text += (
            f" of {integer(last.whole.parameters)}; moving statistics and whatever else is not trained are told apart"
        )
    text += "." if told else ". The format does not say what is trained: the roles of the variables decide."
    sizes = {m.trained.parameters for m in series.measured}
    return text + (" Not the same values are trained in all checkpoints." if len(sizes) > 1 else "")


def table(series: Comparison, medium: Medium) -> Table:
    """A row for each role in the last checkpoint, weights first, and one for the optimizer's state."""
    numbers = series.measured[-1]
    roles = sorted(numbers.roles, key=lambda role: role.name in APART)
    groups = [*roles, *([numbers.optimizer] if numbers.optimizer else [])]
    several = len(series.refs) > 1
    rows = [_row(series, group, several) for group in groups]
    columns = (
        Column("Role", numeric=False),
        Column("Tensors", extra=True),
        Column("Values"),
        *([Column("L2 norm", unit="first")] if several else []),
        Column("L2 norm", unit="last") if several else Column("L2 norm"),
        *([replace(UPDATE, unit=since, extra=since == "previous") for since in series.latest]),
        NON_FINITE,
    )
    note = (
        "Below the weights: what follows them or the data, such as moving statistics. Norms are of the finite values."
    )
    return bounded("Role by role", columns, rows, medium, note=note)


def _row(series: Comparison, group: GroupMeasure, several: bool) -> Row:
    first = _same(series.measured[0].roles, group.name) or series.measured[0].optimizer
    known = first is not None and first.name == group.name
    cells = [
        Cell(group.name.replace("_", " ")),
        count_cell(len(group.tensors)),
        count_cell(group.parameters),
        *([statistic_cell("l2_norm", first.statistics["l2_norm"] if first and known else None)] if several else []),
        statistic_cell("l2_norm", group.statistics["l2_norm"]),
        *(update_cell(_change(pair, group)) for pair in series.latest.values()),
        non_finite_cell(group.summary),
    ]
    return Row(tuple(cells))


def _same(groups: Sequence[GroupMeasure], name: str) -> GroupMeasure | None:
    return next((group for group in groups if group.name == name), None)


def _change(pair: Pair, group: GroupMeasure) -> Change | None:
    held = [name for name in group.tensors if name in pair.tensors]
    return pair.tensors.merged(held) if held else None
