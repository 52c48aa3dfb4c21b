"""Numbers of single tensors over the checkpoints of a series, taken from whole columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from reporter.model.changes import COLUMNS, columns
from reporter.model.comparison import NON_FINITE, Comparison

Course = Sequence[float | None]
"""A number for each checkpoint, None where there is none."""


def norms(series: Comparison) -> Mapping[str, Course]:
    """The norm of every tensor of the model at each checkpoint, by name.

    None where a checkpoint lacks the tensor, NaN where some of its values are not finite.
    """
    rows = {name: row for row, name in enumerate(series.tensors)}
    found = np.full((len(rows), len(series.refs)), np.nan)
    there = np.zeros(found.shape, bool)
    model: dict[str, None] = {}
    for place, measured in enumerate(series.measured):
        table = measured.tensors.table(("l2_norm", *NON_FINITE))
        at = [rows[info.name] for info in measured.infos]
        found[at, place] = np.where(table[:, 1:].any(axis=1), np.nan, table[:, 0])
        there[at, place] = True
        model |= dict.fromkeys(info.name for info in measured.model_infos)
    return {name: _course(found[rows[name]], there[rows[name]]) for name in model}


def updates(series: Comparison) -> Mapping[str, Course]:
    """The relative update of the tensor that speaks for a layer, by its name: at each checkpoint but the first.

    None where there is none, NaN where some of its values are not finite.
    """
    rows = {name: row for row, name in enumerate(_leads(series))}
    found = np.full((len(rows), len(series.pairs)), np.nan)
    there = np.zeros(found.shape, bool)
    for place, pair in enumerate(series.pairs):
        held = [name for name in rows if name in pair.tensors]
        at, table = [rows[name] for name in held], columns(pair.tensors.only(held))
        distance, before, left_out = (table[:, COLUMNS.index(name)] for name in ("distance", "norm_before", "left_out"))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found[at, place] = np.where(left_out > 0, np.nan, distance / before)
        there[at, place] = (left_out > 0) | ((before > 0) & (before < math.inf))
    return {name: _course(found[row], there[row]) for name, row in rows.items()}


def _leads(series: Comparison) -> dict[str, None]:
    """Names of the tensors that speak for the layers in the last checkpoint that has each."""
    lasts = (
        (layer, next((m for m in reversed(series.measured) if layer in m.layout.layer_places), None))
        for layer in series.layers
    )
    leads = (None if last is None else last.lead_of(layer) for layer, last in lasts)
    return dict.fromkeys(name for name in leads if name is not None)


def _course(values: npt.NDArray[np.float64], there: npt.NDArray[np.bool_]) -> list[float | None]:
    return [value if known else None for value, known in zip(values.tolist(), there.tolist(), strict=True)]
