"""Results as pandas tables in tidy form: a row for each thing, a column for each thing that is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reporter.errors import MissingPackage, SettingError
from reporter.library.sample import Sample

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("variables", "layers", "quantiles", "histograms")
"""What a table can have a row for: a variable, a layer, a quantile of a variable, a bin of a variable."""


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A table with these columns, even if it has no rows.

    Raises:
        MissingPackage: pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise MissingPackage(
            "to_pandas needs pandas, which is not installed: pip install 'ckpt-report[pandas]'"
        ) from error
    frame: pd.DataFrame = pandas.DataFrame(list(rows), columns=list(columns))
    return frame


def samples_table(variables: Sequence[Sample], layers: Sequence[Sample], what: Any) -> pd.DataFrame:
    """A table of one of :data:`KINDS`.

    Raises:
        SettingError: there is no such table.
        MissingPackage: pandas is not installed.
    """
    if what == "variables":
        head = ("name", "layer", "role", "shape", "dtype", "trainable")
        rows = ({key: getattr(one, key) for key in head} | dict(one.statistics) for one in variables)
        return table(rows, (*head, *_statistics(variables)))
    if what == "layers":
        return table(
            ({"name": one.name, "variables": len(one.variables)} | dict(one.statistics) for one in layers),
            ("name", "variables", *_statistics(layers)),
        )
    if what == "quantiles":
        return table(
            ({"name": v.name, "probability": p, "value": q} for v in variables for p, q in v.quantiles.items()),
            ("name", "probability", "value"),
        )
    if what == "histograms":
        return table((row for one in variables for row in _bins(one)), ("name", "left", "right", "count"))
    raise SettingError(f"what: {what!r} is not one of {', '.join(KINDS)}")


def _statistics(samples: Sequence[Sample]) -> list[str]:
    return list(dict.fromkeys(name for sample in samples for name in sample.statistics))


def _bins(sample: Sample) -> Iterable[Mapping[str, Any]]:
    found = sample.histogram
    if found is None:
        return
    for left, right, n in zip(found.edges, found.edges[1:], found.counts, strict=False):
        yield {"name": sample.name, "left": left, "right": right, "count": n}
