"""Two checkpoints, or two reports, held against each other: ``ckpt-report diff``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reporter.catalog import only_checkpoint, open_checkpoint
from reporter.compare import difference, difference_of_reports
from reporter.errors import SettingError
from reporter.matching import Match, match, notes, renamed
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_tensors
from reporter.model.change import Change
from reporter.model.difference import Difference
from reporter.model.report import SCHEMA_VERSION
from reporter.model.tensor import Contents
from reporter.pipeline import program_version
from reporter.render.html import render_html
from reporter.sections.difference import difference_page
from reporter.settings import Settings
from reporter.writers.publish import write_file


def diff(before: Path, after: Path, settings: Settings) -> Difference:
    """Two checkpoints, or two report.json, tensor by tensor.

    Raises:
        reporter.errors.SettingError: a path that is not one checkpoint, or no report.json.
        reporter.errors.CheckpointError: a checkpoint cannot be read.
    """
    names = str(before), str(after)
    if before.suffix == after.suffix == ".json":
        records = _report(before), _report(after)
        try:
            return difference_of_reports(*records, names)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            what = f"{type(error).__name__}: {error}"
            raise SettingError(f"{before} and {after}: not two report.json of ckpt-report ({what})") from error
    plan = Plan(settings.variables, settings.quantiles)
    refs = [only_checkpoint(path, settings) for path in (before, after)]
    with open_checkpoint(refs[0].format, refs[0].path) as old, open_checkpoint(refs[1].format, refs[1].path) as new:
        a, b = measure_checkpoint(old, plan), measure_checkpoint(new, plan)
        matched = match(a, b)
        return difference(a, renamed(b, matched), _paired(old, new, matched), names, notes([matched]))


def write_page(found: Difference, path: Path) -> None:
    """The difference as one self-contained page.

    Raises:
        reporter.errors.SettingError: the name is not that of a page, so that a slip never overwrites a checkpoint.
        reporter.errors.OutputError: it cannot be written.
    """
    if path.suffix != ".html":
        raise SettingError(f"html: {path} does not end in .html")
    page = render_html(difference_page(found, program_version()))
    write_file(path, page.encode("utf-8", "backslashreplace"))


def _paired(before: Contents, after: Contents, matched: Match) -> dict[str, Change]:
    """Exact changes, by the names in ``before``."""
    old = {source.info.name: source for source in before.tensors}
    changes = {}
    for source in after.tensors:
        name = matched.tensors.get(source.info.name, source.info.name)
        change = compare_tensors(old[name], source) if name in old else None
        if change is not None:
            changes[name] = change
    return changes


def _report(path: Path) -> Any:
    try:
        record = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SettingError(f"{path}: is no JSON: {error}") from error
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise SettingError(f"{path}: not a report.json of ckpt-report with schema version {SCHEMA_VERSION}")
    return record
