"""Readiness for deployment and spectra of the last checkpoints, by report.json and by numpy in float64."""

from __future__ import annotations

import numpy as np

from tests.make.rich import Rich
from tests.writers import truth
from tests.writers.expected import (
    SERIES,
    Record,
    model,
    near,
    role_of,
)


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
