"""What changed between checkpoints, by report.json and by numpy in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.make.rich import BASELINE, Arrays, Rich
from tests.writers import truth
from tests.writers.expected import (
    SERIES,
    SEVERAL,
    Record,
    adjusted,
    by_layer,
    layer_of,
    model,
    near,
    of_trained,
    one,
    shared,
)


def assert_change(found: Record, before: Sequence[Any], after: Sequence[Any]) -> None:
    expected = truth.change(before, after)
    assert found["count"] == expected["count"]
    if found["exact"]:
        assert found["relative_error"] == 0
        for name, value in expected.items():
            assert near(found[name], value, rel=1e-8), (name, found[name], value)
    else:
        assert found["relative_error"] == pytest.approx(math.sqrt(2 / 1024) / 2)
        assert found["equal_share"] is found["largest"] is None
        assert near(found["relative_update"], expected["relative_update"], rel=4 * found["relative_error"])
        assert near(found["cosine"], expected["cosine"], rel=0, absolute=1e-3)


def assert_shift(found: Record | None, before: Any, after: Any) -> None:
    assert found is not None
    a, b = truth.finite(before), truth.finite(after)
    if found["wasserstein"] is None:
        assert not a.std() > 0
    elif a.std() > 0:
        assert abs(found["wasserstein"] - truth.wasserstein(a, b)) <= found["wasserstein_error"] + 1e-9
        assert found["wasserstein_error"] < max(0.05, 0.01 * found["wasserstein"])
    if found["bins"] is not None:
        bins = found["bins"]
        p, q = (truth.binned(x, bins["low"], bins["high"], bins["count"]) for x in (a, b))
        assert near(found["psi"], truth.psi(p, q))
        assert near(found["js"], truth.js(p, q), rel=1e-6)
        assert bins["low"] < a.mean() < bins["high"]
    else:
        assert found["psi"] == found["js"]
        assert found["psi"] is None or np.array_equal(a, b)


def assert_pair(found: Record, before: Arrays, after: Arrays, *, last: bool, detailed: bool, tensors: bool) -> None:
    names = shared(before, after)
    of_model = [t for t in names if t in model(after)]
    assert_change(found["global"], [before[t] for t in of_model], [after[t] for t in of_model]) if of_model else None
    assert found["global"]["count"] == sum(after[t].size for t in of_model)
    weights = adjusted(list(model(after)))
    both = [t for t in names if t in weights]
    assert_change(found["trained"], [before[t] for t in both], [after[t] for t in both]) if both else None
    a, b = (truth.together(list(of_trained(x).values())) for x in (before, after))
    assert_shift(found["shift"], a, b)
    in_layers: dict[str, list[str]] = {}
    for members in by_layer(after).values():
        for t in (t for t in adjusted(members) if t in names):
            in_layers.setdefault(layer_of(t), []).append(t)
    assert (found["layers"] is None) == (not detailed)
    if detailed:
        assert set(found["layers"]) == set(in_layers)
        for layer, members in in_layers.items():
            assert_change(found["layers"][layer], [before[t] for t in members], [after[t] for t in members])
    assert (found["tensors"] is None) == (not (detailed and tensors))
    if found["tensors"] is not None:
        assert set(found["tensors"]) == set(names)
        for t in names:
            assert_change(found["tensors"][t], [before[t]], [after[t]])
    assert set(found["tensor_shifts"]) == (set(model(before)) & set(model(after)) if last else set())
    assert set(found["layer_shifts"]) == (set(by_layer(before)) & set(by_layer(after)) if last else set())
    for t, shift in found["tensor_shifts"].items():
        assert_shift(shift, before[t], after[t])
    for layer, shift in found["layer_shifts"].items():
        sides = [truth.together([x[t] for t in adjusted(by_layer(x)[layer])]) for x in (before, after)]
        assert_shift(shift, *sides)
    both = set(before) & set(after)
    assert set(found["added"]) == set(after) - set(before)
    assert set(found["removed"]) == set(before) - set(after)
    forms = [(t, *(f"{tuple(x[t].shape)} {x[t].dtype.name}" for x in (before, after))) for t in both - set(names)]
    assert sorted((r["name"], r["before"], r["after"]) for r in found["reshaped"]) == sorted(forms)


def assert_steps(found: Record, before: Record, after: Record) -> None:
    if before["step"] is None or after["step"] is None:
        assert found["steps"] is None
        return
    steps, update = after["step"] - before["step"], found["trained"]["relative_update"]
    assert found["steps"] == steps
    assert found["per_step"] == pytest.approx([update / steps, update / steps**0.5])


@pytest.mark.parametrize("name", SEVERAL)
def test_changes_from_checkpoint_to_checkpoint(record: Record, rich: Rich, name: str) -> None:
    series = one(record, name)
    held, places = [rich.arrays[c] for c in SERIES[name]], series["checkpoints"]
    last = len(held) - 1
    assert len(series["pairs"]) == len(series["from_first"]) == last
    for after in range(1, last + 1):
        for found, before in ((series["pairs"][after - 1], after - 1), (series["from_first"][after - 1], 0)):
            neighbours = found is series["pairs"][after - 1]
            assert (found["before"], found["after"]) == (SERIES[name][before], SERIES[name][after])
            assert_pair(
                found,
                held[before],
                held[after],
                last=after == last,
                detailed=places[after]["detailed"],
                tensors=neighbours or after == last,
            )
            assert_steps(found, places[before], places[after])


def test_an_estimate_is_called_one(record: Record) -> None:
    """The first checkpoint was gone when the third came."""
    first = one(record, "runs/a/r-*")["from_first"]
    assert [pair["global"]["exact"] for pair in first] == [True, False]
    assert first[1]["tensors"]["dense/bias"]["exact"]


@pytest.mark.parametrize("name", SERIES)
def test_changes_from_the_baseline(record: Record, rich: Rich, name: str) -> None:
    series = one(record, name)
    assert series["baseline"].endswith(f"/{BASELINE}")
    assert len(series["from_baseline"]) == len(SERIES[name])
    for place, found in enumerate(series["from_baseline"]):
        assert (found["before"], found["after"]) == (series["baseline"], SERIES[name][place])
        last = place == len(SERIES[name]) - 1
        detailed = series["checkpoints"][place]["detailed"]
        arrays = rich.arrays[SERIES[name][place]]
        assert_pair(found, rich.baseline, arrays, last=last, detailed=detailed, tensors=last)
        assert found["steps"] is found["per_step"] is None


@pytest.mark.parametrize("name", SEVERAL)
def test_each_checkpoint_against_each(record: Record, rich: Rich, name: str) -> None:
    found = one(record, name)["similarity"]
    assert found["checkpoints"] == SERIES[name]
    held = [of_trained(rich.arrays[c]) for c in SERIES[name]]
    names = [t for t in held[0] if all(t in shared(held[0], h) for h in held)]
    assert (found["tensors"], found["values"]) == (len(names), sum(held[0][t].size for t in names))
    assert found["exact"] == all(held[0][t].size <= 1024 for t in names)
    for i, j in ((i, j) for i in range(len(held)) for j in range(len(held))):
        a, b = (truth.together([held[k][t] for t in names]) for k in (min(i, j), max(i, j)))
        usable = np.isfinite(truth.together([np.stack([h[t] for h in held]).sum(axis=0) for t in names]))
        x, y = a[usable], b[usable]
        distance = float(np.linalg.norm(y - x) / np.linalg.norm(x))
        cosine = float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
        rel, absolute = (1e-9, 1e-12) if found["exact"] else (0.1, 0.1)
        assert near(found["distance"][i][j], distance, rel, absolute)
        assert near(found["cosine"][i][j], cosine, rel, absolute)


FOLLOWED = ("mean", "std", "min", "max", "l2_norm", "skewness", "kurtosis", "zero_share", "near_zero_share")


@pytest.mark.parametrize("name", SEVERAL)
def test_trends(record: Record, rich: Rich, name: str) -> None:
    series = one(record, name)
    held = [model(rich.arrays[c]) for c in SERIES[name]]
    steps = [c["step"] for c in series["checkpoints"]]
    layers = list(dict.fromkeys(layer for h in held for layer in by_layer(h)))
    assert set(series["layers"]) == set(layers)
    jumps = 0
    found = {(t["layer"], t["statistic"]): t for t in series["trends"]}
    for layer, statistic in ((layer, s) for layer in layers for s in FOLLOWED):
        course = []
        for step, arrays in zip(steps, held, strict=True):
            names = by_layer(arrays).get(layer)
            values = truth.together([arrays[t] for t in adjusted(names)]) if names else None
            held_all = values is not None and np.isfinite(np.asarray(values, np.float64)).all()
            value = truth.statistics(values)[statistic] if held_all else None
            course += [] if value is None else [(step, value)]
        if not course:
            assert (layer, statistic) not in found
            continue
        trend = found.pop((layer, statistic))
        x, y = np.array([s for s, _ in course], float), np.array([v for _, v in course])
        assert near(trend["first"], y[0], absolute=1e-11)
        assert near(trend["last"], y[-1], absolute=1e-11)
        assert near(trend["change"], y[-1] - y[0], absolute=1e-11)
        slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()) if len(x) > 1 else None
        assert near(trend["slope"], slope, rel=1e-7, absolute=1e-13)
        assert trend["slope_per"] == "step"
        if trend["change_point"] is not None:
            place, before, after, effect = truth.split(y.tolist())
            jumps += 1
            assert trend["change_point"]["checkpoint"] == SERIES[name][steps.index(int(x[place]))]
            assert near(trend["change_point"]["before"], before, rel=1e-7, absolute=1e-11)
            assert near(trend["change_point"]["after"], after, rel=1e-7, absolute=1e-11)
            assert near(trend["change_point"]["effect"], effect, rel=1e-4)
    assert not found
    assert (jumps > 3) == (name == "main/m-*"), "the norm jumps at step 800, zeros come at step 1000"


@pytest.mark.parametrize("name", SERIES)
def test_what_moved(record: Record, rich: Rich, name: str) -> None:
    series = one(record, name)
    held = [rich.arrays[c] for c in SERIES[name]]
    since = {"previous": held[-2], "first": held[0]} if len(held) > 1 else {}
    if len(held) == 2:
        del since["first"]
    since["baseline"] = rich.baseline
    assert [m["since"] for m in series["moved"]] == list(since)
    after = model(held[-1])
    for moved, before in zip(series["moved"], since.values(), strict=True):
        names = shared(before, after)
        tensors = {t: truth.change([before[t]], [after[t]]) for t in names}
        layers = {
            layer: truth.change([before[t] for t in some], [after[t] for t in some])
            for layer, members in by_layer(after).items()
            if (some := [t for t in adjusted(members) if t in names])
        }
        weights = adjusted(list(after))
        beside = {t for t in names if t not in weights}
        assert {*moved["apart"], *moved["still_apart"]} == beside
        assert set(moved["still_apart"]) == {t for t in beside if tensors[t]["equal_share"] == 1}
        tensors = {t: change for t, change in tensors.items() if t in weights}
        for kind, changes in (("tensors", tensors), ("layers", layers)):
            assert set(moved[f"still_{kind}"]) == {n for n, c in changes.items() if c["equal_share"] == 1}
            assert set(moved[kind]) == set(changes) - set(moved[f"still_{kind}"])
            updates = [changes[n]["relative_update"] for n in moved[kind]]
            members = {n: [n] for n in tensors} if kind == "tensors" else by_layer(after)
            bad = [any(not np.isfinite(x[t]).all() for t in members[n] if t in names for x in (before, after))
                   for n in moved[kind]]  # fmt: skip
            assert bad == sorted(bad, reverse=True), "what is not finite comes first"
            order = [-1.0 if u is None else u for u in updates[sum(bad) :]]
            assert all(a >= b * (1 - 0.1) for a, b in pairwise(order)), "but for what sketches estimate"
