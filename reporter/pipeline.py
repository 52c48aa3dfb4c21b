"""The main path: discover → read → measure → compare → judge → draw → compose → publish."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reporter.catalog import open_checkpoint, scan, translated
from reporter.compare import compare
from reporter.discover import settled
from reporter.draw import draw_series
from reporter.errors import CheckpointError, InProgress, RenderError, RotatedAway
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.histogram import of_series
from reporter.model.change import Change
from reporter.model.checkpoint import CheckpointRef, FileEntry, Found, Series
from reporter.model.comparison import Comparison
from reporter.model.measured import Measured
from reporter.model.report import Report
from reporter.model.tensor import Contents
from reporter.progress import Progress
from reporter.render.html import render_html
from reporter.render.pdf import Attachment, render_pdf
from reporter.rules import judge
from reporter.sections import checkpoint_pages, report_page
from reporter.settings import Settings
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
        series, failed = _measure_all(found, settings, progress, clock)
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
            files=_files(found, series, failed),
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
) -> tuple[tuple[Comparison, ...], dict[str, CheckpointError]]:
    plan = Plan(settings.variables, settings.quantiles, settings.threads)
    result: list[Comparison] = []
    failed: dict[str, CheckpointError] = {}
    with progress.counting(sum(len(s.checkpoints) for s in found.series)):
        for series in found.series:
            with clock("measure"):
                refs, measured, changes = _measure_series(series, plan, settings.settle, progress, failed)
            with clock("compare"):
                if refs:
                    result.append(compare(series, refs, measured, changes))
    return tuple(result), failed


def _measure_series(
    series: Series, plan: Plan, settle: float, progress: Progress, failed: dict[str, CheckpointError]
) -> tuple[list[CheckpointRef], list[Measured], list[Mapping[str, Change]]]:
    """Measure in step order; the checkpoint before stays open, so that the two can be paired value by value."""
    refs: list[CheckpointRef] = []
    measured: list[Measured] = []
    changes: list[Mapping[str, Change]] = []
    before: tuple[ExitStack, Contents] | None = None
    try:
        for ref in series.checkpoints:
            stack = ExitStack()
            try:
                contents = stack.enter_context(open_checkpoint(ref.format, ref.path))
                numbers, paired = measure_checkpoint(contents, plan, [before[1]] if before else [])
                _unchanged(ref)
            except Exception as error:
                stack.close()
                failed[ref.name] = _failure(ref, error, settle)
                progress.failed(ref, failed[ref.name])
                continue
            if before:
                before[0].close()
                changes.extend(paired)
            before = (stack, contents)
            refs.append(ref)
            measured.append(numbers)
            progress.measured(ref, numbers)
    finally:
        if before:
            before[0].close()
    return refs, measured, changes


def _failure(ref: CheckpointRef, error: Exception, settle: float) -> CheckpointError:
    known = translated(ref.path, error)
    state, reason = settled(known.reason, known.state, ref.mtime_ns, settle, time.time())
    return InProgress(ref.path, reason) if state != known.state else known


def _unchanged(ref: CheckpointRef) -> None:
    """The files are still those that discovery saw.

    Raises:
        InProgress: one was written to meanwhile.
        RotatedAway: one is gone.
    """
    nbytes, newest = 0, 0
    for member in ref.members:
        try:
            stat = member.stat()
        except OSError as error:
            raise RotatedAway(ref.path, f"{member.name} was deleted while it was being read") from error
        nbytes += stat.st_size
        newest = max(newest, stat.st_mtime_ns)
    if (nbytes, newest) != (ref.nbytes, ref.mtime_ns):
        raise InProgress(ref.path, "it was written to while it was being read; the next run will have it")


def _files(found: Found, series: Sequence[Comparison], failed: Mapping[str, CheckpointError]) -> tuple[FileEntry, ...]:
    """Discovery's entries, brought up to what became of them."""
    measured = {(s.name, ref.name): ref for s in series for ref in s.refs}
    result = []
    for entry in found.files:
        if entry.state == "found":
            error = failed.get(entry.path) if (entry.series, entry.path) not in measured else None
            state, reason = (error.state, error.reason) if error else ("measured", "")
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
