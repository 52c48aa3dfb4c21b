"""Inputs that reports of other people led to, about which nothing is wrong: no finding above a remark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reporter.cli import main

HEALTHY: dict[str, set[str]] = {
    # The frozen net has the names of the trained one. A bundle does not say which of them the slots belong to, but it
    # has only as many as there are weights that move.
    "same-names-frozen": set(),
    # Matrices that the first gradient does not reach, as the other factor begins at zero.
    "lost-weights-and-lora/lora.keras": set(),
    # One model saved by Keras 2 and by Keras 3: the names of its weights agree, those of Adam's slots do not.
    "lookup-layers": {"structure"},
}
"""Folder, and the rules that have a remark."""


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_healthy_has_remarks_only(name: str, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data.parent / "reported" / name
    if not folder.exists():
        pytest.skip("the inputs of public reports (../shared/reported) are not on this machine")
    assert main(["report", str(folder), "-o", str(tmp_path), "--settle", "0", "--no-pdf", "--no-cache", "-q"]) == 0
    record = json.loads((tmp_path / "latest" / "report.json").read_bytes())
    assert record["verdict"] == "PASS"
    assert {(f["severity"], f["rule"]) for f in record["findings"]} == {("INFO", rule) for rule in HEALTHY[name]}
