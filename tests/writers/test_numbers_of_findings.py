"""Findings, checks and files of report.json, and where their numbers come from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.make.rich import STEPS, Rich
from tests.writers.expected import (
    SERIES,
    Record,
    model,
)


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
