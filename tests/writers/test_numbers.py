"""Every number of a report against numpy in float64 over the arrays that were written: nothing is taken on trust.

The arrays are known from :mod:`tests.make.rich`, what is computed from them is in :mod:`tests.writers.truth`.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from reporter.derive.statistics import STATISTICS
from reporter.model.finding import Severity, Verdict
from reporter.model.news import News, Part, Remembered, Run, Standing, Told
from reporter.writers.report_json import report_record
from reporter.writers.tensors_csv import write_csv
from tests.make.rich import BASELINE, STEPS, Arrays, Rich
from tests.metrics.test_beside import lines, save
from tests.metrics.test_beside import report as logged_report
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


@pytest.fixture(scope="module")
def record(rich: Rich) -> Record:
    """report.json as a reader of it sees it."""
    return dict(json.loads(json.dumps(report_record(rich.report))))


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


def test_series_and_checkpoints(record: Record, rich: Rich) -> None:
    assert [s["name"] for s in record["series"]] == list(SERIES)
    detailed = {s["name"]: [c["detailed"] for c in s["checkpoints"]] for s in record["series"]}
    assert not all(detailed["main/m-*"])
    assert all(flags[0] and flags[-1] for flags in detailed.values())
    formats = {"safetensors": "lengths", "keras": "zip crc32", "npz": "zip crc32"}
    for found, name in checkpoints(record):
        ending = name.split(".")[-1]
        assert found["format"] == {"npz": "numpy"}.get(ending, ending)
        assert found["integrity"] == formats[ending]
        digits = "".join(c for c in name.split("/")[-1].split(".")[0] if c.isdigit())
        inside = 50 * {1: 1, 3: 2, 2: 3}[int(digits)] if ending == "keras" else None
        assert found["step"] == (inside or (int(digits) if digits else None))
        assert found["step_source"] == ("in-file" if inside else "file name" if digits else "modification time")
        gone = name in ("runs/a/r-1.npz", "late/x.npz")
        assert gone or found["file_bytes"] == (rich.folder / name).stat().st_size
        assert bool(found["rotated_away"]) == (name == "runs/a/r-1.npz")
        assert found["missing_layers"] == (["head"] if name == "net/epoch-2.keras" else [])
        assert found["own_names"] == ({"dense": "dense_2"} if name == "net/epoch-3.keras" else {})
        assert found["framework"] == {"keras": "Keras 3.15.1", "npz": "NumPy"}.get(ending, "")
        assert found["layers_in_model_order"] == (ending == "keras")
        assert found["notes"] == ([NOTE] if "words" in name else [])
        assert [s["name"] for s in found["skipped"]] == (["vocabulary"] if "words" in name else [])
        assert all((s["dtype"], s["shape"]) == ("<U3", [3]) and s["reason"] for s in found["skipped"])


def test_tensors(record: Record, rich: Rich) -> None:
    for found, name in checkpoints(record):
        arrays = rich.arrays[name]
        if not found["detailed"]:
            assert found["tensors"] == found["layers"] == found["roles"] == []
            continue
        assert {t["name"] for t in found["tensors"]} == set(arrays)
        for tensor in found["tensors"]:
            values, own = arrays[tensor["name"]], tensor["name"].startswith("optimizer/")
            assert tensor["shape"] == list(values.shape)
            assert (tensor["dtype"], tensor["bytes"]) == (values.dtype.name, values.nbytes)
            assert tensor["layer"] == layer_of(tensor["name"])
            assert tensor["role"] == role_of(tensor["name"])
            assert tensor["collection"] == ("optimizer" if own else "model")
            trained = not own and tensor["layer"] != "norm"
            assert tensor["trainable"] == (trained if name.endswith("keras") else None)
            assert tensor["key"] == tensor["name"] or name.endswith("keras")
            assert_statistics(tensor["statistics"], [values])


def test_layers_roles_and_wholes(record: Record, rich: Rich) -> None:
    for found, name in checkpoints(record):
        arrays = rich.arrays[name]
        own = model(arrays)
        groups = [(found["global"], list(own))]
        assert (found["global"]["name"], found["global"]["kind"]) == ("model", "")
        groups.append((found["trained"], list(of_trained(arrays))))
        assert (found["trained"]["name"], found["trained"]["kind"]) == ("trained", "")
        if found["detailed"]:
            in_order = list(dict.fromkeys(layer_of(t) for t in own))
            names = [g["name"] for g in found["layers"]]
            assert names == (in_order if found["layers_in_model_order"] else sorted(in_order))
            groups += [(g, [t for t in own if layer_of(t) == g["name"]]) for g in found["layers"]]
            assert {g["name"] for g in found["roles"]} == {role_of(t) for t in own}
            groups += [(g, [t for t in own if role_of(t) == g["name"]]) for g in found["roles"]]
            parts = [(layer, adjusted(names)) for layer, names in by_layer(arrays).items()]
            parts = [(layer, names) for layer, names in parts if len(names) < len(by_layer(arrays)[layer])]
            groups += [(g, dict(parts)[g["name"]]) for g in found["trained_parts"]]
            assert len(found["trained_parts"]) == len(parts) == int("net" in name)
            kinds = {"dense": "Dense", "norm": "BatchNormalization", "head": "Dense"} if "net" in name else {}
            assert all(g["kind"] == kinds.get(g["name"], "") for g in found["layers"])
        state = [t for t in arrays if t not in own]
        assert (found["optimizer"] is None) == (not state)
        if state:
            assert found["optimizer"]["name"] == "optimizer"
            groups.append((found["optimizer"], state))
        for group, names in groups:
            assert set(group["tensors"]) == (set(names) if found["detailed"] else set())
            assert group["parameters"] == sum(arrays[t].size for t in names)
            trained = [t for t in names if "net" in name and t in own and layer_of(t) != "norm"]
            assert group["trainable_parameters"] == sum(arrays[t].size for t in trained)
            assert group["bytes"] == sum(arrays[t].nbytes for t in names)
            assert_statistics(group["statistics"], [arrays[t] for t in names])


def lead(names: Sequence[str], arrays: Arrays) -> list[str]:
    """The tensor that a layer's histogram is of: its largest kernel, else its largest trained tensor."""
    kernels = [n for n in names if n.replace(".", "/").endswith(("kernel", "embedding"))]
    return [max(kernels or adjusted(names), key=lambda n: arrays[n].size)] if names else []


def test_histograms(record: Record, rich: Rich) -> None:
    drawn = 0
    for found, name in checkpoints(record):
        arrays = rich.arrays[name]
        layers = by_layer(arrays)
        samples = {"": list(model(arrays))}
        assert bool(found["histograms"]["layers"]) == found["detailed"]
        if found["detailed"]:
            samples |= {layer: lead(layers.get(layer, []), arrays) for layer in found["histograms"]["layers"]}
            assert set(layers) <= set(found["histograms"]["layers"])
        for layer, names in samples.items():
            histogram = found["histograms"]["layers"][layer] if layer else found["histograms"]["global"]
            if not names:
                assert histogram is None
                continue
            x, edges = truth.finite(truth.together([arrays[t] for t in names])), np.array(histogram["edges"])
            inside = [((x >= a) & (x < b)).sum() for a, b in pairwise(edges)]
            assert histogram["counts"] == inside
            assert histogram["below"] == (x < edges[0]).sum()
            assert histogram["above"] == (x >= edges[-1]).sum()
            drawn += 1
    assert drawn > 50


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


def shared(before: Arrays, after: Arrays) -> list[str]:
    """Names of the tensors that can be paired."""
    return [t for t, v in after.items() if t in before and (v.shape, v.dtype) == (before[t].shape, before[t].dtype)]


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


def test_readiness_for_deployment(record: Record, rich: Rich) -> None:
    advice = []
    for series in record["series"]:
        checkpoint = SERIES[series["name"]][-1]
        assert series["deployment"]["checkpoint"] == checkpoint
        if series["name"] == "late/x":
            assert series["deployment"]["problem"].startswith("rotated away: ")
            assert series["deployment"]["tensors"] == {}
            continue
        assert series["deployment"]["problem"] == ""
        arrays = {t: v for t, v in model(rich.arrays[checkpoint]).items() if v.dtype.kind == "f"}
        assert set(series["deployment"]["tensors"]) == set(arrays)
        for name, found in series["deployment"]["tensors"].items():
            values = arrays[name]
            for format_, cast in found["casts"].items():
                for key, value in truth.cast(values, format_).items():
                    assert near(cast[key], value, rel=1e-6), (name, format_, key)
            assert list(found["casts"]) == list(truth.FLOATS)
            matrix = role_of(name) == "kernel"
            whole = np.isfinite(np.asarray(values, np.float64)).all()
            if matrix and whole:
                tensor, channel, coarse = truth.int8(values)
                assert near(found["int8_sqnr_per_tensor"], tensor, rel=1e-6), name
                assert near(found["int8_sqnr_per_channel"], channel, rel=1e-6), name
                assert found["int8_coarse_channels"] == coarse
                advice.append(found["advice"])
                assert found["advice"] == _advice(tensor, channel, coarse)
                norms = np.linalg.norm(np.asarray(values, np.float64).reshape(-1, values.shape[-1]), axis=0)
                assert (found["channels"], found["prunable_channels"]) == (len(norms), truth.negligible(norms))
                searched = values.size // values.shape[-1] >= 8
                assert found["duplicate_outputs"] == (truth.duplicates(values) if searched else None)
                sparse = (values == 0).mean() >= 0.4
                assert near(found["pattern_2_4"], truth.pattern(values) if sparse else None)
                distinct = len(np.unique(values))
                few = distinct <= 256 and values.size >= 1024
                assert found["distinct"] == (distinct if few else None)
            elif role_of(name) == "gamma":
                assert (found["channels"], found["prunable_channels"]) == (values.size, truth.negligible(values))
            elif role_of(name) != "embedding" and not matrix:
                assert found["int8_sqnr_per_tensor"] is found["advice"] is found["channels"] is None
    assert set(advice) == {"int8 per tensor", "int8 per channel", "int8 per channel, measure", "keep in float"}


def _advice(tensor: float, channel: float, coarse: int) -> str:
    if tensor >= 30 and not coarse:
        return "int8 per tensor"
    return "int8 per channel" if channel >= 30 else "int8 per channel, measure" if channel >= 20 else "keep in float"


def test_spectra(record: Record, rich: Rich) -> None:
    for series in record["series"]:
        arrays = model(rich.arrays[SERIES[series["name"]][-1]])
        matrices = [t for t in arrays if role_of(t) in ("kernel", "embedding")]
        assert set(series["spectra"]) == (set() if series["name"] == "late/x" else set(matrices))
        for name, found in series["spectra"].items():
            values = arrays[name]
            if not np.isfinite(values).all():
                assert found["left_out"] == "values that are not finite"
                continue
            values = values.T if role_of(name) == "embedding" else values
            expected = truth.spectrum(values)
            exact = min(expected["rows"] or 0, expected["columns"] or 0) <= 1024
            assert (found["exact"], found["left_out"]) == (exact, "")
            for key, value in expected.items():
                if exact or key in ("rows", "columns", "norm", "stable_rank"):
                    assert near(found[key], value, rel=1e-6 if exact else 1e-3), (name, key)
                elif key in ("effective_rank", "alpha"):
                    assert abs(found[key] - value) <= 2 * found[f"{key}_error"], (name, key)


def finding(record: Record, rule: str, tensor: str) -> Record:
    return next(f for f in record["findings"] if (f["rule"], f["tensor"]) == (rule, tensor))


def test_findings(record: Record, rich: Rich) -> None:
    arrays = [rich.arrays[c] for c in SERIES["main/m-*"]]
    at = dict(zip(STEPS, arrays, strict=True))
    last = model(arrays[-1])
    size = sum(v.size for v in {**arrays[0], **last}.values())  # of all that the series ever had

    bad = finding(record, "non-finite", "encoder.bias")
    assert (bad["severity"], bad["series"], bad["layer"]) == ("FAIL", "main/m-*", "encoder")
    assert bad["value"] == sum(not math.isfinite(v) for v in at[1200]["encoder.bias"].tolist())
    assert (bad["threshold"], bad["previous"]) == (0, 0)
    assert (bad["tensors"], bad["layers"]) == (["encoder.bias", "still.kernel"], ["encoder", "still"])
    assert (bad["first_bad"], bad["last_good"]) == ("main/m-1200.safetensors", "main/m-1000.safetensors")
    assert bad["checkpoints"] == ["main/m-1200.safetensors", "main/m-1500.safetensors"]
    first = {"encoder.bias": at[1200], "still.kernel": at[1500]}
    share = sum(int((~np.isfinite(held[t])).sum()) for t, held in first.items()) / size
    assert bad["parameter_share"] == pytest.approx(share)
    assert record["findings"][0] == bad, "the worst first"

    jump = finding(record, "norm-jump", "encoder.kernel")
    norms = [float(np.linalg.norm(at[step]["encoder.kernel"].astype("f8"))) for step in (600, 800)]
    assert jump["value"] == pytest.approx(norms[1] / norms[0])
    assert (jump["previous"], jump["threshold"]) == (pytest.approx(norms[0]), 2)
    assert jump["parameter_share"] == pytest.approx(last["encoder.kernel"].size / size)
    turned = finding(record, "rearranged", "encoder.kernel")
    assert (turned["explains"], jump["explains"]) == ([{"title": "Violent update", "count": 1}], [])
    assert jump["note"] == "it was accepted until 2025-12-31 (looked at last year); that has expired"
    assert all(jump[key] for key in ("message", "evidence", "meaning", "next_step", "checkpoint"))

    sparse = finding(record, "sparsity-jump", "conv.kernel")
    zeros = [float((at[step]["conv.kernel"] == 0).mean()) for step in (800, 1000)]
    assert (sparse["previous"], sparse["value"]) == (zeros[0], pytest.approx(zeros[1] - zeros[0]))

    (accepted,) = record["accepted"]
    assert (accepted["reason"], accepted["until"]) == ("a table that is filled after training", "2027-01-31")
    assert accepted["finding"]["tensor"] == "flat.kernel"
    assert record["acceptance_notes"] == [
        "accepted, but nothing matches it: rule vanished, tensor nowhere.* (until 2027-01-31)"
    ]
    assert record["verdict"] == "FAIL"


def test_checks(record: Record, rich: Rich) -> None:
    checks = {(c["rule"], c["series"]): c for c in record["checks"]}
    held = [rich.arrays[c] for c in SERIES["main/m-*"]]
    bad = checks["non-finite", "main/m-*"]
    worst = max(int((~np.isfinite(v)).sum()) for h in held for v in h.values())
    assert bad["checked"] == len({(t, v.shape) for h in held for t, v in h.items()}), "each shape is followed by itself"
    assert (bad["fired"], bad["explained"], bad["worst"], bad["threshold"]) == (2, 0, 2, 0)
    assert bad["where"].startswith("encoder.bias")
    assert worst == 3
    assert checks["sparsity-jump", "main/m-*"]["threshold"] == 0.06, "a setting"
    violent = checks["violent-update", "main/m-*"]
    assert violent["explained"] == violent["fired"] == 1
    a, b = (held[STEPS.index(step)]["encoder.kernel"].astype("f8") for step in (600, 800))
    assert violent["worst"] == pytest.approx(np.linalg.norm(b - a) / max(np.linalg.norm(a), np.linalg.norm(b)))
    assert all(c["title"] and c["formula"] and c["source"] for c in record["checks"])


def test_files_runs_and_facts(record: Record) -> None:
    assert record["runs"] == [["runs/a/r-*", "runs/b/r-*"]]
    files = {f["path"]: f for f in record["files"]}
    expected = {name: "measured" for names in SERIES.values() for name in names}
    expected["runs/a/r-1.npz"] = "rotated away"
    expected |= {
        "main/m-1600.safetensors": "partial",
        "main/notes.txt": "not a checkpoint",
        "main/weights.pt": "not a checkpoint",
        "main/pointer.safetensors": "not downloaded",
    }
    assert {path: f["state"] for path, f in files.items()} == expected
    assert files["net/epoch-3.keras"] == {
        "path": "net/epoch-3.keras",
        "format": "keras",
        "state": "measured",
        "reason": "",
        "step": 100,
        "series": "net/epoch-*",
        "integrity": "zip crc32",
    }
    assert "a Python pickle" in files["main/weights.pt"]["reason"]
    assert (record["schema_version"], record["created"]) == (1, "2026-01-02T03:04:05+00:00")
    assert (record["title"], record["generator"]["name"]) == ("A rich report", "ckpt-report")
    assert (record["settings"]["bins"], record["settings"]["spectral"]) == ("50", "on")
    assert {"discover", "measure", "draw"} <= set(record["timings"])
    assert all(isinstance(seconds, float) for seconds in record["timings"].values())


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """report.json of a series with a log beside it, of which a line is damaged and a metric breaks."""
    folder = tmp_path_factory.mktemp("logged")
    ckpts = save(folder, [f"m-step{step}" for step in (100, 200, 300)])
    rows = [{"step": step, "val_loss": math.nan if step > 250 else abs(step - 190)} for step in range(50, 300, 40)]
    (ckpts / "metrics.jsonl").write_text(lines([*rows, rows[-1]]) + "{broken\n")  # a step twice: resumed
    return dict(json.loads(json.dumps(report_record(logged_report(folder).report))))


@pytest.fixture(scope="module")
def compared(rich: Rich) -> Record:
    """report.json of a run after another, of which one finding is gone and one could not be looked for."""
    report, then = rich.report, Run("20260102T030405Z-1a2b3c4d", "2026-01-02T03:04:05+00:00")
    found, accepted = report.judgement.findings, report.judgement.accepted
    gone = Remembered(
        "a1", "frozen", "Frozen", Severity.WARN, "s", "m-1", "it froze", Part.TENSOR, ("w",), then, then.created
    )
    news = News(
        run=Run("20260103T030405Z-1a2b3c4d", "2026-01-03T03:04:05+00:00"),
        before=then,
        verdict_before=Verdict.WARN,
        findings=tuple(Told(f"b{i}", Standing.WORSE if i else Standing.NEW, then) for i in range(len(found))),
        accepted=tuple(Told(f"c{i}", Standing.STILL, then) for i in range(len(accepted))),
        resolved=(gone,),
        unseen=(gone,),
        checkpoints=2,
        problem="as if it could not be read",
    )
    return dict(json.loads(json.dumps(report_record(replace(report, news=news)))))


def test_every_key_of_the_schema_occurs(
    record: Record, logged: Record, compared: Record, schema: Mapping[str, Any]
) -> None:
    """With a value in it: not only null, an empty list or nothing at all."""
    filled: dict[str, bool] = {}

    def walk(rule: Mapping[str, Any], values: list[Any], where: str) -> None:
        while "$ref" in rule:
            where = rule["$ref"].rsplit("/", 1)[1]
            rule = schema["$defs"][where]
        for choice in (*rule.get("anyOf", ()), *rule.get("oneOf", ()), *rule.get("allOf", ())):
            walk(choice, values, where)
        objects = [v for v in values if isinstance(v, dict)]
        for key, inner in rule.get("properties", {}).items():
            held = [v[key] for v in objects if key in v]
            place = f"{where}/{key}"
            filled[place] = filled.get(place, False) or any(v not in (None, "", [], {}) for v in held)
            walk(inner, held, place)
        if isinstance(more := rule.get("additionalProperties"), dict):
            walk(more, [v for o in objects for k, v in o.items() if k not in rule.get("properties", {})], f"{where}/*")
        if isinstance(items := rule.get("items"), dict):
            walk(items, [v for a in values if isinstance(a, list) for v in a], f"{where}[]")

    walk(schema, [record, logged, compared], "")
    assert len(filled) > 150
    assert [place for place, is_filled in filled.items() if not is_filled] == []


def test_every_column_of_the_csv(record: Record, rich: Rich) -> None:
    rows = list(csv.DictReader(io.StringIO(write_csv(rich.report).decode())))
    written = {(r["series"], r["checkpoint"]) for r in rows}
    assert {("main/m-*", name) for name in (SERIES["main/m-*"][0], SERIES["main/m-*"][-1])} <= written
    assert len([w for w in written if w[0] == "main/m-*"]) < len(STEPS), "limited, as report.json is"
    columns = ["series", "checkpoint", "step", "name", "layer", "role", "trainable", "collection", "shape", "dtype"]
    statistics = [s.name for s in STATISTICS]
    assert list(rows[0]) == [*columns, "bytes", *statistics, *(f"q{p:g}" for p in PROBABILITIES)]
    seen = set()
    for row in rows:
        arrays = rich.arrays[row["checkpoint"]]
        values, own = arrays[row["name"]], row["name"].startswith("optimizer/")
        seen.add((row["checkpoint"], row["name"]))
        assert row["checkpoint"] in SERIES[row["series"]]
        step = next(c["step"] for c in one(record, row["series"])["checkpoints"] if c["name"] == row["checkpoint"])
        assert row["step"] == ("" if step is None else str(step))
        assert (row["layer"], row["role"]) == (layer_of(row["name"]), role_of(row["name"]))
        trained = str(not own and row["layer"] != "norm").lower()
        assert row["trainable"] == (trained if row["checkpoint"].endswith("keras") else "")
        assert row["collection"] == ("optimizer" if own else "model")
        assert row["shape"] == ("×".join(map(str, values.shape)) or "scalar")
        assert (row["dtype"], row["bytes"]) == (values.dtype.name, str(values.nbytes))
        for name, expected in truth.statistics(values).items():
            assert near(float(row[name]) if row[name] else None, expected, absolute=1e-11), (row["name"], name)
        for p in PROBABILITIES:
            assert float(row[f"q{p:g}"]) == pytest.approx(float(np.quantile(truth.finite(values), p)), abs=1e-12)
    assert len(seen) == len(rows)
    assert {name for checkpoint, name in seen if checkpoint == SERIES["main/m-*"][-1]} == set(
        rich.arrays[SERIES["main/m-*"][-1]]
    )
