"""Reports of one substance have the same pages; whatever a report says makes another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import PurePath
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from reporter.cache.substance import DATED, DRAWN, substance
from reporter.derive.statistics import STATISTICS
from reporter.model.changes import Changes
from reporter.model.comparison import Comparison, Pair
from reporter.model.measured import Measured
from reporter.model.metrics import Axis, Goal, Metric, Metrics
from reporter.model.report import Report
from tests.make import built

FOLLOWS = {
    (Report, *DATED, *DRAWN),
    (Measured, "of_tensors", "of_groups"),
    (Pair, "layers", "layer_shifts", "tensor_shifts"),
}
"""Fields that need not count: of a report those that are tested below; numbers that go by ``kept``, and what is worked
out of a pair's tensors and of the numbers of both checkpoints when it is asked for."""

LEFT_OUT = {(kind, name) for kind, *names in FOLLOWS for name in names}

PAIRS = {"pairs", "from_first", "from_baseline"}
"""Fields that hold nothing but pairs, or nothing."""

Seen = set[tuple[type, str, type]]


def others(value: Any, seen: Seen) -> Iterator[tuple[str, Any]]:
    """Values that differ from one in one thing that it holds, each with where that is: once for each field of a class
    and each kind of value in it."""
    if isinstance(value, Changes):
        parts = {name: getattr(value, name) for name in ("places", "counts", "norms", "exact")}
        for name, part in parts.items():
            for where, other in others(part, seen):
                yield f".{name}{where}", Changes(**{**parts, name: other})
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _with_other_fields(value, seen)
    elif isinstance(value, tuple):
        yield " longer", (*value, *(value[:1] or ("x",)))
        make: Callable[[Any], Any] = tuple if type(value) is tuple else type(value)._make  # type: ignore[attr-defined]
        for at, part in enumerate(value):
            for where, other in others(part, seen):
                yield where, make((*value[:at], other, *value[at + 1 :]))
    elif isinstance(value, Mapping):
        yield " larger", {**value, "x": 1}
        for key, part in value.items():
            for where, other in others(part, seen):
                yield where, {**value, key: other}
    else:
        yield "", _other(value)


def _with_other_fields(value: Any, seen: Seen) -> Iterator[tuple[str, Any]]:
    for field in fields(value):
        part, kind = getattr(value, field.name), type(value)
        empty = isinstance(part, tuple | Mapping) and not part  # what such a one can hold is yet to be seen
        which = (kind, field.name, type(None) if empty else type(part))
        if (kind, field.name) in LEFT_OUT or which in seen:
            continue
        seen.add(which)
        if empty and field.name in PAIRS:
            continue
        for where, other in others(part, seen):
            yield f"{kind.__name__}.{field.name}{where and f' → {where}'}", replace(value, **{field.name: other})


def _other(value: Any) -> Any:
    """Another one of the same kind."""
    if isinstance(value, Enum):
        return next(one for one in type(value) if one is not value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, np.ndarray):
        bits = np.frombuffer(value.tobytes(), np.uint8).copy()
        if not bits.size:
            return np.zeros((*value.shape[:-1], 1 + value.shape[-1]), value.dtype)
        bits[-1] ^= 1
        return bits.view(value.dtype).reshape(value.shape)
    if isinstance(value, int | float):
        return value + 1 if np.isfinite(value) else 0.0
    kinds: dict[type, Callable[[Any], Any]] = {
        str: lambda text: f"{text}x",
        bytes: lambda data: data + b"x",
        PurePath: lambda path: path / "x",
        FunctionType: lambda _: _other,
        type(None): lambda _: "x",
    }
    return next(make(value) for kind, make in kinds.items() if isinstance(value, kind))


@pytest.fixture(scope="module")
def report() -> Report:
    """Everything that a report can show, as if the cache kept all of it, without a baseline and with a metric."""
    rich = built.rich().report
    return replace(rich, series=tuple(map(_kept, rich.series)))


LOSS = Metric("loss", "loss", "log.csv", "CSV", Goal.LOWEST, Axis.STEP, "by step", (1.0,), (0.5,), (0.5,), (1.0,))


def _kept(series: Comparison) -> Comparison:
    measured = tuple(replace(one, kept=f"{series.name} {at}") for at, one in enumerate(series.measured))
    return replace(series, measured=measured, baseline="", metrics=Metrics((LOSS,)))


def test_whatever_a_report_says_is_of_its_substance(report: Report) -> None:
    own = substance(report, 50)
    assert own == substance(replace(report), 50) != ""
    assert own != substance(report, 51)
    known = {own: "nothing"}
    seen: Seen = set()
    for where, other in others(report, seen):
        of_other = substance(other, 50)
        assert (of_other and of_other not in known) or where == "Report.series → Comparison.baseline", where
        known[of_other] = where
    classes = {kind.__name__ for kind, *_ in seen}
    assert {"Comparison", "CheckpointRef", "Measured", "Layout", "TensorInfo", "Pair", "Change", "Shift", "Trend",
            "Finding", "Rule", "Outcome", "Accepted", "FileEntry", "Shown", "Look", "Metric", "Readiness", "Spectrum",
            "Similarity", "Movement"} <= classes  # fmt: skip
    assert len(known) > 250


def test_when_it_was_made_and_what_is_drawn_of_it_is_not(report: Report) -> None:
    assert report.news is not None and report.histograms and report.figures
    bare: dict[str, Any] = {"timings": {"draw": 1.0}, "news": None, "histograms": (), "figures": (), "runs": ()}
    later = replace(report, created=datetime(2027, 1, 1, tzinfo=UTC), **bare)
    assert {*bare, "created"} == {*DATED, *DRAWN}
    assert substance(later, 50) == substance(report, 50)


def test_what_cannot_be_told_has_none(report: Report) -> None:
    series = report.series[0]
    unknown = replace(series, measured=(replace(series.measured[0], kept=""), *series.measured[1:]))
    assert substance(replace(report, series=(unknown, *report.series[1:])), 50) == ""
    assert substance(replace(report, series=(replace(series, baseline="b"), *report.series[1:])), 50) == ""

    class Opaque:
        def __call__(self) -> None: ...

    finding = report.judgement.findings[0]
    odd = replace(finding, rule=replace(finding.rule, check=Opaque()))  # type: ignore[type-var]
    assert substance(replace(report, judgement=replace(report.judgement, findings=(odd,))), 50) == ""


def test_words_of_installed_statistics_are(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    before, (first, *rest) = substance(report, 50), STATISTICS
    for name in ("name", "title", "unit", "definition"):
        other: Any = {name: "other"}
        monkeypatch.setattr("reporter.cache.substance.STATISTICS", (replace(first, **other), *rest))
        assert substance(report, 50) != before
