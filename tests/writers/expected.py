"""What a report on the rich folder has to hold, by the names and arrays that :mod:`tests.make.rich` wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from reporter.derive.statistics import STATISTICS
from tests.make.rich import STEPS, Arrays
from tests.writers import truth

Record = dict[str, Any]

PROBABILITIES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
CELL = 2.0**-7
"""Width of a cell of merged numbers against its smaller edge; quantiles of several tensors are known to half of it."""

SERIES = {
    "late/x": ["late/x.npz"],
    "main/m-*": [f"main/m-{step}.safetensors" for step in STEPS],
    "net/epoch-*": [f"net/epoch-{number}.keras" for number in (1, 3, 2)],
    "runs/a/r-*": [f"runs/a/r-{step}.npz" for step in (1, 2, 3)],
    "runs/b/r-*": [f"runs/b/r-{step}.npz" for step in (1, 2)],
    "wide/w": ["wide/w.npz"],
    "words/lookup": ["words/lookup.npz"],
}
SEVERAL = [name for name, checkpoints in SERIES.items() if len(checkpoints) > 1]

NOTE = "table/hashes holds integers beyond 2^53, whose statistics are those of the nearest float64"

ROLES = {"iterations": "step", "learning_rate": "hyperparameter", "hashes": "other"}
"""Of variables that are not called by their role."""


def one(record: Record, series: str) -> Record:
    return next(s for s in record["series"] if s["name"] == series)


def number(value: Any) -> float | None:
    """What a number of the record means; None where there is none."""
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return words.get(value, value) if isinstance(value, str) else value


def near(found: Any, expected: float | None, rel: float = 1e-9, absolute: float = 1e-12) -> bool:
    value = number(found)
    if value is None or expected is None:
        return value is None and expected is None
    return value == expected or math.isclose(value, expected, rel_tol=rel, abs_tol=absolute)


def layer_of(name: str) -> str:
    """The layer of a tensor by its name."""
    name = name.removeprefix("optimizer/")
    separator = "/" if "/" in name else "."
    return name.split(separator)[0] if separator in name else ""


def role_of(name: str) -> str:
    last = name.replace(".", "/").split("/")[-1]
    return ROLES.get(last, last)


def model(arrays: Arrays) -> Arrays:
    """Without the optimizer's."""
    return {name: values for name, values in arrays.items() if not name.startswith("optimizer/")}


def adjusted(names: Sequence[str]) -> list[str]:
    """What is trained of some tensors of a model: all weights where none is, all tensors where there is no weight."""
    weights = [t for t in names if not role_of(t).startswith("moving_")]
    learned = [t for t in weights if not t.startswith("norm/")]  # a layer that is frozen
    return learned or weights or list(names)


def of_trained(arrays: Arrays) -> Arrays:
    """The trained weights of a model."""
    return {t: arrays[t] for t in adjusted(list(model(arrays)))}


def by_layer(arrays: Arrays) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in model(arrays):
        found.setdefault(layer_of(name), []).append(name)
    return found


def assert_statistics(found: Record, values: Sequence[Any]) -> None:
    whole = truth.together(values)
    expected = truth.statistics(whole)
    assert set(expected) == {s.name for s in STATISTICS}, "a statistic without an independent computation"
    for name, value in expected.items():
        assert near(found[name], value, absolute=1e-11), (name, found[name], value)
    assert found["not_applicable"] == [name for name in found if name in expected and expected[name] is None]
    assert found["quantiles_exact"] == (len(values) == 1)
    ordered = np.sort(truth.finite(whole))
    assert list(found["quantiles"]) == [f"{p:g}" for p in PROBABILITIES]
    for p, (name, value) in zip(PROBABILITIES, found["quantiles"].items(), strict=True):
        place = p * (len(ordered) - 1)
        around = ordered[math.floor(place)], ordered[math.ceil(place)]
        error = 1e-12 if found["quantiles_exact"] else CELL / 2 * max(map(abs, around)) + 1e-40
        assert value == pytest.approx(float(np.quantile(ordered, p)), abs=error), name


def checkpoints(record: Record) -> Iterator[tuple[Record, str]]:
    for series in record["series"]:
        names = [c["name"] for c in series["checkpoints"]]
        assert names == SERIES[series["name"]]
        yield from zip(series["checkpoints"], names, strict=True)


def shared(before: Arrays, after: Arrays) -> list[str]:
    """Names of the tensors that can be paired."""
    return [t for t, v in after.items() if t in before and (v.shape, v.dtype) == (before[t].shape, before[t].dtype)]
