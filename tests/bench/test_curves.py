"""The pictures of growth: what of the results they show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import curves


def test_each_picture_shows_the_last_record_of_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results"
    results.mkdir()
    monkeypatch.setattr(curves, "RESULTS", results)
    curves.main()
    assert not list(tmp_path.glob("*.png")), "nothing was measured"
    rows = [
        {"name": f"{n:,} tensors of 8 kB{more}", "ours": float(n), "unit": unit}
        for n in (1000, 10)
        for more, unit in (("", "s"), (": peak", "MB"))
    ]
    other = {"created": "2026-02-01T00:00:00", "load": "0.1", "rows": [{"name": "else", "ours": 1.0, "unit": "s"}]}
    grown = {"created": "2026-01-01T00:00:00", "load": "0.5", "rows": rows}
    (results / "full.json").write_text(json.dumps([{**grown, "rows": []}, grown, other]))
    lines = dict(curves._lines(curves.CURVES["tensors"][0]))
    assert lines == {"2026-01-01, load 0.5": ({10: 10.0, 1000: 1000.0}, {10: 10.0, 1000: 1000.0})}
    curves.main()
    (picture,) = tmp_path.glob("*.png")
    assert picture.name == "growth-tensors.png" and picture.read_bytes().startswith(b"\x89PNG")
