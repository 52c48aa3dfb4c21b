"""Rules of the user's own that give back anything: one warning, an exit code that is not 0, and a report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reporter.cli import main
from tests.faults.running import series

HEAD = """\
import sys
import numpy as np
from reporter.rules.base import Check, Limit, Rule, Severity

def check(history, limits):
    {body}

MINE = Rule({rule})
"""
RULE = "'mine', 'Mine', 1.0, 'f', 's', check"


def report(folder: Path, body: str, rule: str = RULE, *more: str) -> int:
    (folder.parent / "mine.py").write_text(HEAD.format(body=body, rule=rule))
    arguments = [str(folder), "-o", str(folder.parent / "out"), "--rules", str(folder.parent / "mine.py")]
    return main(["report", *arguments, "--no-pdf", "-q", *more])


def findings(folder: Path) -> list[tuple[str, str, str]]:
    record = json.loads((folder.parent / "out" / "latest" / "report.json").read_text())
    return [(f["rule"], f["severity"], f["message"]) for f in record["findings"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two series, so that a rule fails twice."""
    root = tmp_path_factory.mktemp("rules") / "c"
    series(root / "a")
    return series(root / "b").parent


UNUSABLE = {
    "yield None": "it yields NoneType, not a Check",
    "yield 'text'": "it yields str, not a Check",
    "return None": "TypeError: 'NoneType' object is not iterable",
    "sys.exit(0); yield": "it calls sys.exit",
    "yield 1 / 0": "ZeroDivisionError: division by zero (mine.py, line 6)",
    "yield Check('much', 1.0)": "value is 'much', not a number",
    "yield Check(1.0, None)": "excess is None, not a number",
    "yield Check(1.0, 1.0, 'warn')": "severity is 'warn', not a Severity or None",
    "yield Check(1.0, 1.0, Severity.WARN, 7)": "place is 7, not the index of one of 2 checkpoints",
    "yield Check(1.0, 1.0, Severity.WARN, -1)": "place is -1, not the index of one of 2 checkpoints",
    "yield Check(1.0, 1.0, Severity.WARN, 0.5)": "place is 0.5, not the index of one of 2 checkpoints",
    "yield Check(1.0, 1.0, good='a')": "good is 'a', not the index of one of 2 checkpoints",
    "yield Check(1.0, 1.0, message=3)": "message is 3, not text",
    "yield Check(1.0, 1.0, tensors=(1,))": "tensors is (1,), not a tuple of names",
    "yield Check(1.0, 1.0, parameters=-1)": "parameters is -1, not a number of values",
}


@pytest.mark.parametrize("body", UNUSABLE)
def test_one_finding_and_no_success(folder: Path, body: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(folder, body) == 4
    message = f"the rule mine could not be applied to 2 series: {UNUSABLE[body]}"
    assert findings(folder) == [("mine", "WARN", message)]
    printed = capsys.readouterr().err
    assert "rules that could not be applied: mine" in printed
    assert "Traceback" not in printed


def test_what_is_about_no_checkpoint_leaves_no_place_for_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(folder, "yield None") == 4
    made = folder.parent / "out" / "latest"
    page = (made / "index.html").read_text()
    assert "the rule mine could not be applied" in page.lower()
    assert not re.search(r'<(p|td|li|span) class="where">\s*</', page)
    assert "| — |" in (made / "summary.md").read_text()
    assert not [line for line in capsys.readouterr().out.splitlines() if line != line.rstrip()]


def test_no_severity_makes_it_go_away(folder: Path) -> None:
    for severity in ("info", "fail"):
        assert report(folder, "yield None", RULE, "--set", f"rules.mine.severity={severity}") == 4
        assert [found[1] for found in findings(folder)] == ["WARN"]
    assert report(folder, "yield None", RULE, "--fail-on", "none") == 4
    assert report(folder, "yield None", RULE, "--fail-on", "warn") == 3
    assert report(folder, "yield None", RULE, "--set", "rules.mine.severity=off") == 0


def test_numbers_of_numpy_are_numbers(folder: Path) -> None:
    body = (
        "yield Check(np.float32(2.5), np.float64(1), Severity.WARN, np.int64(1), "
        "previous=np.float16(0.5), parameters=np.int32(3), tensors=['dense.kernel'], message='fired')"
    )
    assert report(folder, body) == 0
    record = json.loads((folder.parent / "out" / "latest" / "report.json").read_text())
    assert [(f["value"], f["previous"], f["checkpoint"]) for f in record["findings"]] == [
        (2.5, 0.5, f"{name}/m-2.safetensors") for name in ("a", "b")
    ]


def test_what_is_no_number_is_shown_as_such(folder: Path) -> None:
    assert report(folder, "yield Check(float('nan'), 1.0, Severity.WARN, message='NaN is a value')") == 0
    assert len(findings(folder)) == 2


BROKEN = {
    "'mine', None, 1.0, 'f', 's', check": "have to be text",
    "'mine', 'Mine', '1', 'f', 's', check": "the threshold has to be a number or None",
    "'mine', 'Mine', 1.0, 'f', 's', check, (3,)": "limits a tuple of Limit",
    "'mine', 'Mine', 1.0, 'f', 's', 'check'": "check has to be a function",
    "3, 'Mine', 1.0, 'f', 's', check": "has to be words joined by hyphens",
    "sys.exit(0)": "cannot be run: SystemExit: 0",
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_rule_that_cannot_be_one_is_a_setting(folder: Path, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(folder, "yield Check(1.0, 1.0)", rule) == 2
    assert BROKEN[rule] in capsys.readouterr().err
