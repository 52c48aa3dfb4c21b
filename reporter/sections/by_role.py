"""The roles of a series' tensors one by one: weights first, then what stands beside them, then optimizer state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from reporter.model.change import Change
from reporter.model.comparison import Comparison, Pair
from reporter.model.measured import GroupMeasure, Measured, TensorMeasure
from reporter.model.table import Cell, Column, Row, Table
from reporter.model.trained import APART
from reporter.numerals import counted, integer
from reporter.sections.base import (
    NON_FINITE,
    Medium,
    bounded,
    count_cell,
    count_of_bad,
    non_finite_cell,
    norm_cell,
    number_cell,
    sortable,
)
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
    """A row for each role in the last checkpoint: weights first, those of the optimizer's state last."""
    numbers = series.measured[-1]
    roles = sorted(numbers.roles, key=lambda role: role.name in APART)
    several = len(series.refs) > 1
    rows = [_row(series, group, several) for group in roles]
    rows += [_state_row(series, role, several) for role in _state_roles(numbers)]
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
        "Below the weights: what follows them or the data, such as moving statistics, then the optimizer's state. "
        "(finite): of the finite values alone."
    )
    return bounded("Role by role", columns, rows, medium, note=note)


def _row(series: Comparison, group: GroupMeasure, several: bool) -> Row:
    first = _same(series.measured[0].roles, group.name)
    cells = [
        Cell(group.name.replace("_", " ")),
        count_cell(len(group.tensors)),
        count_cell(group.parameters),
        *([norm_cell(first)] if several else []),
        norm_cell(group),
        *(update_cell(_change(pair, group.tensors)) for pair in series.latest.values()),
        non_finite_cell(group.summary),
    ]
    return Row(tuple(cells))


def _same(groups: Sequence[GroupMeasure], name: str) -> GroupMeasure | None:
    return next((group for group in groups if group.name == name), None)


def _state_roles(numbers: Measured) -> list[str]:
    """The roles of the optimizer's variables, in their order: a counter of steps is no moment of a gradient."""
    return list(dict.fromkeys(str(info.role) for info in numbers.infos if info.collection == "optimizer"))


def _state_row(series: Comparison, role: str, several: bool) -> Row:
    first, last = (_state(numbers, role) for numbers in (series.measured[0], series.measured[-1]))
    cells = [
        Cell(f"optimizer: {role.replace('_', ' ')}"),
        count_cell(len(last)),
        count_cell(sum(tensor.info.size for tensor in last)),
        *([_together(first)] if several else []),
        _together(last),
        *(update_cell(_change(pair, [t.info.name for t in last])) for pair in series.latest.values()),
        count_of_bad(sum(tensor.summary.non_finite for tensor in last)),
    ]
    return Row(tuple(cells))


def _state(numbers: Measured, role: str) -> list[TensorMeasure]:
    return [t for t in numbers.tensors if t.info.collection == "optimizer" and t.info.role == role]


def _together(tensors: Sequence[TensorMeasure]) -> Cell:
    """The L2 norm of several tensors as one."""
    norms = [sortable(tensor.statistics["l2_norm"]) for tensor in tensors]
    cell = number_cell(math.hypot(*(n for n in norms if n is not None)) if tensors else None)
    odd = any(tensor.summary.non_finite for tensor in tensors)
    return replace(cell, text=f"{cell.text} (finite)", level="fail") if odd else cell


def _change(pair: Pair, names: Sequence[str]) -> Change | None:
    held = [name for name in names if name in pair.tensors]
    return pair.tensors.merged(held) if held else None
