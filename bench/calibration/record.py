"""The result of a calibration as tables: for the documentation, and for the program, whose reports quote it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.calibration.verdicts import Mark, Verdict
from reporter.model.finding import Severity
from reporter.rules import RULES
from reporter.rules.base import Rule

README = Path(__file__).with_name("README.md")
DATA = Path(__file__).parents[2] / "reporter" / "rules" / "calibration.json"
BEGIN = "<!-- written by make calibrate ARGS=--record -->\n"
"""What stands above it in the README is written by hand."""


def record(verdicts: Sequence[Verdict]) -> None:
    """Write both."""
    text = README.read_text("utf-8").partition(BEGIN)[0]
    README.write_text(f"{text}{BEGIN}\n{tables(verdicts)}\n", "utf-8")
    DATA.write_text(json.dumps(data(verdicts), indent=1, ensure_ascii=False) + "\n", "utf-8")


def data(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """What :mod:`reporter.rules.calibration` reads."""
    healthy, sick = [v for v in verdicts if v.case.healthy], [v for v in verdicts if not v.case.healthy]
    rules = {
        rule.name: {"healthy": fired(rule, healthy), "sick": fired(rule, sick), "limits": rule.defaults}
        for rule in RULES
    }
    return {"runs": {"healthy": len(healthy), "sick": len(sick)}, "rules": rules}


def fired(rule: Rule, verdicts: Iterable[Verdict]) -> int:
    """In how many runs a rule did; remarks count where a rule makes nothing else."""
    least = Severity.INFO if rule.name in REMARKS else Severity.WARN
    return sum(v.fired.get(rule.name, 0) >= least for v in verdicts)


REMARKS = frozenset(
    {"idle-inputs", "heavy-tails", "int8-ready", "float16-overflow", "float16-underflow", "duplicate-outputs"}
)
"""Rules that are about how a model may be used, or that hint at it, and so do not warn."""


def tables(verdicts: Sequence[Verdict]) -> str:
    """Markdown: how right the reports are, how often each rule fired, and a row for each run."""
    parts = {
        "healthy": [v for v in verdicts if v.case.healthy and not v.case.unseen],
        "healthy, unseen": [v for v in verdicts if v.case.healthy and v.case.unseen],
        "sick": [v for v in verdicts if not v.case.healthy and not v.case.unseen],
        "sick, unseen": [v for v in verdicts if not v.case.healthy and v.case.unseen],
    }
    rows = ["| runs | n | quiet | remarks only | WARN (noise) | FAIL (false) |", "|---|---|---|---|---|---|"]
    quiet = (Mark.QUIET, Mark.REMARK, Mark.NOISE, Mark.FALSE)
    rows += [_counts(title, parts[title], quiet) for title in list(parts)[:2]]
    rows += ["", "| runs | n | named first, with layer and checkpoint | named | missed |", "|---|---|---|---|---|"]
    rows += [_counts(title, parts[title], (Mark.FIRST, Mark.NAMED, Mark.MISSED)) for title in list(parts)[2:]]
    rows += ["", f"| rule | {' | '.join(parts)} |", f"|---|{'---|' * len(parts)}"]
    for rule in RULES:
        counts = " | ".join(str(fired(rule, part)) for part in parts.values())
        rows.append(f"| {rule.name}{' (remarks)' if rule.name in REMARKS else ''} | {counts} |")
    for title, part in parts.items():
        rows += ["", f"### {title.capitalize()}", ""]
        rows += ["| run | what happened | verdict | | first on page one |", "|---|---|---|---|---|"]
        rows += [f"| {v.case.name} | {v.case.story} | {v.verdict} | {v.mark} | {_cell(v.first)} |" for v in part]
    return "\n".join(rows)


def _counts(title: str, verdicts: Sequence[Verdict], marks: Sequence[Mark]) -> str:
    return f"| {title} | {len(verdicts)} | {' | '.join(str(sum(v.mark is m for v in verdicts)) for m in marks)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
