"""Every key of the schema of report.json occurs with a value in it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reporter.model.finding import Severity, Verdict
from reporter.model.news import News, Part, Remembered, Run, Standing, Told
from reporter.writers.report_json import report_record
from tests.make.rich import Rich
from tests.metrics.test_beside import lines, save
from tests.metrics.test_beside import report as logged_report
from tests.writers.expected import (
    Record,
)


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
    details = tuple(replace(shown, records=()) for shown in report.details)  # as of a report over very many series
    return dict(json.loads(json.dumps(report_record(replace(report, news=news, details=details)))))


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
