"""Everything that is printed of two reports, word for word.

``make golden`` writes the files anew; read the difference before you commit it. Numbers are kept to six digits: that
they are right is the matter of the tests beside this one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from reporter.model.report import Report
from reporter.sections import checkpoint_pages, report_page
from reporter.writers.report_json import report_record
from reporter.writers.tensors_csv import write_csv
from tests.make.rich import Rich
from tests.make.text import DIGITS, as_text, definitions, in_full, scrub

LINE = 110
"""Characters of a record that is put in one line of the golden JSON."""


def compare(path: Path, text: str) -> None:
    """Hold a text against a golden file, or write that."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert text.splitlines() == path.read_text("utf-8").splitlines()


@pytest.mark.parametrize("medium", ["html", "pdf"])
def test_the_rich_report(rich: Rich, golden: Path, medium: Any) -> None:
    page = report_page(rich.report, medium)
    compare(golden / "rich" / f"{medium}.txt", scrub(as_text(page, in_full), *rich.folder.parents[:1]))


def test_what_columns_mean(rich: Rich, golden: Path) -> None:
    text = definitions(report_page(rich.report, "html"))
    compare(golden / "rich" / "definitions.txt", text)


def test_pages_of_checkpoints(rich: Rich, golden: Path) -> None:
    """Of the last checkpoint of a series with findings, and of one with an optimizer."""
    pages = dict(checkpoint_pages(rich.report))
    assert len(pages) == sum(len(detail.pages) for detail in rich.report.details)
    for name in ("main/m-1500.safetensors", "net/epoch-3.keras", "words/lookup.npz"):
        (path,) = (f"checkpoints/{r.slug}.html" for s in rich.report.series for r in s.refs if r.name == name)
        text = scrub(as_text(pages[path], in_full), *rich.folder.parents[:1])
        compare(golden / "rich" / f"{name.replace('/', '-')}.txt", text)


def test_report_json(rich: Rich, golden: Path) -> None:
    """Of every series the tensors of the first and the last checkpoint."""
    record = json.loads(json.dumps(report_record(rich.report)))
    record["timings"] = dict.fromkeys(record["timings"], 0.0)
    for series in record["series"]:
        for checkpoint in series["checkpoints"][1:-1]:
            for key in ("tensors", "layers", "roles", "histograms", "global", "optimizer"):
                del checkpoint[key]
    compare(golden / "rich" / "report.json", scrub(laid_out(rounded(record)) + "\n", *rich.folder.parents[:1]))


def test_tensors_csv(rich: Rich, golden: Path) -> None:
    """The first rows of every checkpoint."""
    lines = scrub(b"".join(write_csv(rich.report)).decode()).splitlines()
    kept, seen = lines[:1], ""
    for line in lines[1:]:
        checkpoint = ",".join(line.split(",")[:2])
        if checkpoint != seen or line.endswith(","):
            kept.append(line)
        seen = checkpoint
    compare(golden / "rich" / "tensors.csv", "\n".join(kept) + "\n")


@pytest.mark.parametrize("medium", ["html", "pdf"])
def test_the_report_on_a_single_series(story: Report, golden: Path, medium: Any) -> None:
    text = as_text(report_page(story, medium), in_full)
    if medium == "html":
        text += "\n=====\n\n" + as_text(list(checkpoint_pages(story))[-1][1], in_full)
    folder = Path(story.settings["folders"]).parent
    compare(golden / "story" / f"{medium}.txt", scrub(text, folder))


def rounded(value: Any) -> Any:
    """Floats with fewer digits."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def laid_out(value: Any, indent: str = "") -> str:
    """JSON, in one line as far as that goes."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + len(indent) <= LINE or not value or not isinstance(value, dict | list):
        return line
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{json.dumps(name, ensure_ascii=False)}: {laid_out(item, inner)}" for name, item in value.items()]
    elif all(isinstance(item, int | float | str | None) for item in value):
        return line
    else:
        items = [laid_out(item, inner) for item in value]
    if isinstance(value, dict) and all(not isinstance(item, dict | list) or not item for item in value.values()):
        return "{" + ", ".join(items) + "}"
    start, end = "{}" if isinstance(value, dict) else "[]"
    return start + "\n" + inner + f",\n{inner}".join(items) + end
