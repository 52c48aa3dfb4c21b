"""The substance of a report, as a hash: all that it says, but for when it was made and what is new since the last one.

Two reports of one substance have the same histograms, and the same page of each checkpoint. So these are found without
being computed first, where nothing has changed since an earlier run: to compute them again only for the keys under
which :mod:`reporter.cache.renderings` keeps what is made of them took most of the time of such a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import PurePath
from types import FunctionType
from typing import Any

from reporter.cache.renderings import key_of, plain
from reporter.derive.statistics import STATISTICS
from reporter.model.changes import Changes
from reporter.model.comparison import Comparison, Pair
from reporter.model.measured import Measured
from reporter.model.report import Report

DATED = ("created", "timings", "news")
"""Fields of a report that differ from run to run, whatever it says."""

DRAWN = ("histograms", "figures", "runs")
"""Those that follow from the others."""

Known = Callable[[Any], str]
"""The hash of something that many checkpoints share, which is made once."""


def substance(report: Report, bins: int) -> str:
    """A hash of every field of a report and of its series, unless it is left out here, and of what renders it.

    Args:
        report: with or without what is drawn.
        bins: the wanted number of bins of histograms.

    Returns:
        "" where it cannot be told what two reports share: of numbers that the cache does not keep; of a baseline, of
        which a report holds no numbers; and of rules that are no functions.
    """
    kept = all(one.kept for series in report.series for one in series.measured)
    if not kept or any(series.baseline for series in report.series):
        return ""
    hashes: dict[int, str] = {}

    def known(shared: Any) -> str:
        if id(shared) not in hashes:
            hashes[id(shared)] = key_of(shared, plain=_plain)
        return hashes[id(shared)]

    own = _fields(report, *DATED, *DRAWN, "series")
    # Installed packages may change what a statistic is called in the tables of a page.
    words = [(one.name, one.title, one.unit, one.definition) for one in STATISTICS]
    try:
        return key_of(own, [_series(one, known) for one in report.series], bins, words, plain=_plain)
    except TypeError:
        return ""


def _fields(of: Any, *without: str) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in fields(of) if field.name not in without}


def _series(series: Comparison, known: Known) -> str:
    """A hash of a series, which is hashed by itself, as all of them together may take a gigabyte."""
    pairs = {"pairs": series.pairs, "from_first": series.from_first, "from_baseline": series.from_baseline}
    facts = _fields(series, "measured", *pairs)
    facts |= {name: [_pair(one, known) for one in some] for name, some in pairs.items()}
    return key_of(facts, [_measured(one, known) for one in series.measured], plain=_plain)


def _measured(measured: Measured, known: Known) -> dict[str, Any]:
    """A checkpoint's numbers by what the cache knows them by; the names of its tensors may be those of its series."""
    return _fields(measured, "layout", "of_tensors", "of_groups") | {"layout": known(measured.layout)}


def _pair(pair: Pair, known: Known) -> str:
    """A pair without what is merged and computed, when it is asked for, from its tensors and both checkpoints."""
    facts = _fields(pair, "tensors", "layers", "layer_shifts", "tensor_shifts")
    return key_of(facts, _changes(pair.tensors, known), plain=_plain)


def _changes(changes: Changes, known: Known) -> list[Any]:
    return [known(changes.places), changes.counts, changes.norms, changes.exact]


def _plain(value: object) -> Any:
    """As :func:`reporter.cache.renderings.plain`; paths as text, and the functions of rules by their names."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, FunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    return plain(value)
