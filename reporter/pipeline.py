"""The main path: discover → read → measure → compare → judge → draw → compose → publish."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reporter import matching
from reporter.catalog import scan
from reporter.compare import compare
from reporter.draw import draw_series
from reporter.errors import CheckpointError, RenderError
from reporter.matching import Match
from reporter.measuring.checkpoint import Plan
from reporter.measuring.histogram import of_series
from reporter.model.change import Change
from reporter.model.checkpoint import CheckpointRef, FileEntry, Found, Series
from reporter.model.comparison import Comparison
from reporter.model.measured import Measured
from reporter.model.report import Report
from reporter.progress import Progress
from reporter.render.html import render_html
from reporter.render.pdf import Attachment, render_pdf
from reporter.rules import judge
from reporter.sections import checkpoint_pages, report_page
from reporter.settings import Settings
from reporter.steady import Opened, Paired, failure, opened, pair
from reporter.twins import with_twins
from reporter.writers.publish import output_lock, publish
from reporter.writers.report_json import write_json
from reporter.writers.tensors_csv import write_csv


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind.

    Attributes:
        report: the data that was published.
        folder: the published run.
        pdf_problem: why there is no PDF, "" if there is one or none was wanted.
    """

    report: Report
    folder: Path
    pdf_problem: str = ""


def run(settings: Settings, progress: Progress, *, now: datetime | None = None) -> Outcome:
    """Make a report.

    Raises:
        reporter.errors.SettingError: a folder does not exist.
        reporter.errors.OutputError: the report cannot be written.
    """
    created = now or datetime.now(UTC)
    clock = _Clock()
    with output_lock(settings.out):
        with clock("discover"):
            found = scan(settings)
        series, outcomes = _measure_all(found, settings, progress, clock)
        with clock("judge"):
            judgement = judge(series)
        with clock("draw"):
            progress.say("drawing")
            histograms = tuple(of_series(s, settings.bins) for s in series)
            figures = tuple(draw_series(s, h) for s, h in zip(series, histograms, strict=True))
        report = Report(
            title=settings.title or _title(settings.roots),
            version=program_version(),
            created=created,
            settings=_described(settings),
            series=series,
            histograms=histograms,
            figures=figures,
            judgement=judgement,
            files=_files(found, series, outcomes),
            timings={},
        )
        with clock("compose"):
            progress.say("writing")
            files = _compose(report)
        problem = ""
        if settings.pdf:
            with clock("pdf"):
                try:
                    files["report.pdf"] = _pdf(report, files)
                except RenderError as error:
                    problem = str(error)
        report = replace(report, timings=clock.seconds)
        files["report.json"] = write_json(report)
        folder = publish(settings.out, created, identity(found, settings), files)
    return Outcome(report, folder, problem)


def _measure_all(
    found: Found, settings: Settings, progress: Progress, clock: _Clock
) -> tuple[tuple[Comparison, ...], _Outcomes]:
    plan = Plan(settings.variables, settings.quantiles)
    result: list[Comparison] = []
    outcomes = _Outcomes({}, {})
    with progress.counting(sum(len(s.checkpoints) for s in found.series)):
        for series in found.series:
            with clock("measure"):
                line = _measure_series(series, plan, settings.settle, progress, outcomes)
            with clock("compare"):
                if line.refs:
                    names = matching.notes(line.matches)
                    result.append(compare(series, line.refs, line.measured, line.changes, names))
    return with_twins(result), outcomes


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """What became of checkpoints besides being measured: why not, and what to say of those that were; by name."""

    failed: dict[str, CheckpointError]
    remarks: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Line:
    """The measured checkpoints of a series, and the changes between each and the one before it."""

    refs: list[CheckpointRef]
    measured: list[Measured]
    matches: list[Match]
    changes: list[Mapping[str, Change]]

    def add(self, now: Opened, change: Mapping[str, Change]) -> None:
        if self.refs:
            self.changes.append(change)
        self.refs.append(now.ref)
        self.measured.append(now.numbers)
        self.matches.append(now.matched)

    def drop_last(self) -> None:
        del self.refs[-1], self.measured[-1], self.matches[-1], self.changes[-1:]


def _measure_series(series: Series, plan: Plan, settle: float, progress: Progress, outcomes: _Outcomes) -> _Line:
    """Measure in step order; the checkpoint before stays open, so that the two can be paired value by value."""
    line = _Line([], [], [], [])
    before: Opened | None = None

    def fail(ref: CheckpointRef, error: Exception) -> None:
        outcomes.failed[ref.name] = failure(ref, error, settle)
        progress.failed(ref, outcomes.failed[ref.name])

    try:
        for ref in series.checkpoints:
            try:
                now = opened(ref, plan, line.measured[0] if line.measured else None)
            except Exception as error:
                fail(ref, error)
                continue
            paired = pair(before, now) if before else Paired()
            outcomes.remarks.update(paired.remarks)
            if ref.name in paired.failed:
                fail(ref, paired.failed[ref.name])
                now.close()
                continue
            if before:
                before.close()
                if before.ref.name in paired.failed:
                    fail(before.ref, paired.failed[before.ref.name])
                    line.drop_last()
            before = now
            line.add(now, paired.changes)
            progress.measured(ref, now.numbers)
    finally:
        if before:
            before.close()
    return line


def _files(found: Found, series: Sequence[Comparison], outcomes: _Outcomes) -> tuple[FileEntry, ...]:
    """Discovery's entries, brought up to what became of them."""
    measured = {(s.name, ref.name): ref for s in series for ref in s.refs}
    result = []
    for entry in found.files:
        if entry.state == "found":
            error = outcomes.failed.get(entry.path) if (entry.series, entry.path) not in measured else None
            remark = outcomes.remarks.get(entry.path, "")
            state, reason = (error.state, error.reason) if error else ("measured", remark)
            entry = replace(entry, state=state, reason=reason)
        result.append(entry)
    return tuple(result)


def _compose(report: Report) -> dict[str, bytes]:
    files = {"index.html": _encoded(render_html(report_page(report, "html")))}
    for path, page in checkpoint_pages(report).items():
        files[path] = _encoded(render_html(page))
    files["tensors.csv"] = write_csv(report)
    return files


def _pdf(report: Report, files: Mapping[str, bytes]) -> bytes:
    attachments = (
        Attachment("report.json", write_json(report), "Everything that was measured and judged"),
        Attachment("tensors.csv", files["tensors.csv"], "Statistics of every tensor in every checkpoint"),
    )
    return render_pdf(report_page(report, "pdf"), attachments, report.created)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def program_version() -> str:
    """The installed version, or that of the checkout."""
    try:
        return version("ckpt-report")
    except PackageNotFoundError:
        return "0.1.0+checkout"


def _title(roots: Sequence[Path]) -> str:
    return "Checkpoints of " + ", ".join(root.resolve().name or str(root) for root in roots)


def _described(settings: Settings) -> dict[str, str]:
    return {
        "folders": ", ".join(str(root) for root in settings.roots),
        "variables": settings.variables,
        "bins": str(settings.bins),
        "quantiles": ", ".join(f"{p:g}" for p in settings.quantiles),
        "settle": f"{settings.settle:g} s",
        "fail-on": settings.fail_on,
    }


def identity(found: Found, settings: Settings) -> str:
    """Eight characters that depend on what is reported and how."""
    facts = [repr(sorted(_described(settings).items()))]
    facts += [f"{r.name}\0{r.nbytes}\0{r.mtime_ns}" for s in found.series for r in s.checkpoints]
    return hashlib.sha256("\n".join(facts).encode("utf-8", "backslashreplace")).hexdigest()[:8]


class _Clock:
    """Adds up the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
