"""Every number of a report against numpy in float64 over the arrays that were written: nothing is taken on trust.

The arrays are known from :mod:`tests.make.rich`, what is computed from them is in :mod:`tests.writers.truth`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from reporter.derive.statistics import STATISTICS
from reporter.writers.tensors_csv import write_csv
from tests.make.rich import STEPS, Arrays, Rich
from tests.writers import truth
from tests.writers.expected import (
    NOTE,
    PROBABILITIES,
    SERIES,
    Record,
    adjusted,
    assert_statistics,
    by_layer,
    checkpoints,
    layer_of,
    model,
    near,
    of_trained,
    one,
    role_of,
)


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


def test_every_column_of_the_csv(record: Record, rich: Rich) -> None:
    rows = list(csv.DictReader(io.StringIO(b"".join(write_csv(rich.report)).decode())))
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
