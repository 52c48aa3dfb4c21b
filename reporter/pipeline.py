"""The main path: discover → read → measure → compare → judge → draw → compose → publish."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reporter.cache import Cache, CacheDamaged
from reporter.cache.renderings import Renderings
from reporter.compare import compare, runs_of_one_model
from reporter.compare.same_weights import with_twins
from reporter.derive.histograms import of_series
from reporter.discover.listing import absolute
from reporter.errors import RenderError, RotatedAway
from reporter.gather.account import Account
from reporter.gather.catalog import scan
from reporter.gather.gatherer import Gatherer
from reporter.gather.last_checkpoint import with_deployment
from reporter.gather.runs import apart, settled
from reporter.model.checkpoint import CheckpointRef, FileEntry, Found, State
from reporter.model.comparison import Comparison
from reporter.model.natural_order import natural
from reporter.model.page import Page
from reporter.model.report import Report
from reporter.numerals import integer
from reporter.plots.choose import draw_further, draw_runs, draw_series, fully_drawn
from reporter.readers.isolation import end_children
from reporter.render.html import render_html
from reporter.render.pdf import Attachment, Printer
from reporter.rules import judge
from reporter.rules.policy import policy
from reporter.sections import html_pages, report_page
from reporter.sections.shown import details
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from reporter.writers.publish import output_lock, publish
from reporter.writers.report_json import timestamp, with_timings, write_json
from reporter.writers.tensors_csv import write_csv

NAMED = 5
"""Roots in the title of a report that was given none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind.

    Attributes:
        report: the data that was published.
        folder: the published run.
        pdf_problem: why there is no PDF, "" if there is one or none was wanted.
        cache_problem: why nothing was kept for the next run, "" if it was or was not wanted.
        read, read_bytes: checkpoints whose weights were read in this run, and the bytes of their tensors.
    """

    report: Report
    folder: Path
    pdf_problem: str = ""
    cache_problem: str = ""
    read: int = 0
    read_bytes: int = 0


def run(settings: Settings, progress: Progress, *, now: datetime | None = None) -> Outcome:
    """Make a report.

    Raises:
        reporter.errors.SettingError: a folder does not exist, or a rule's settings cannot be used.
        reporter.errors.OutputError: the report cannot be written.
    """
    cache, created = Cache(settings.cache), now or datetime.now(UTC)
    with output_lock(settings.out):
        while True:
            try:
                with Printer(created) if settings.pdf else nullcontext() as printer:
                    return _run(settings, cache, progress, created, printer)
            except CacheDamaged as error:
                progress.say(f"{error}: starting again without it")


def _run(settings: Settings, cache: Cache, progress: Progress, created: datetime, printer: Printer | None) -> Outcome:
    clock, memo = _Clock(), Renderings(cache)
    rules = policy(settings, created.date())
    with clock("discover"):
        found = scan(settings, cache)
    series, account = _gather(found, settings, cache, progress, clock)
    if printer is not None and account.read:
        printer.start()
    end_children()  # TensorFlow's takes 700 MB, which drawing and the PDF may need
    with clock("judge"):
        judgement = judge(series, rules)
    with clock("draw"):
        progress.say("drawing")
        shown = details(series, judgement)
        histograms = tuple(of_series(s, d, settings.bins) for s, d in zip(series, shown, strict=True))
        full = fully_drawn(series, judgement)
        figures = tuple(
            draw_series(memo, s, h, settings.bins, s.name in full) for s, h in zip(series, histograms, strict=True)
        )
        runs = tuple(draw_runs(memo, series, group) for group in runs_of_one_model(series))
    report = Report(
        title=settings.title or _title(settings.roots),
        version=program_version(),
        created=created,
        settings=_described(settings),
        series=series,
        histograms=histograms,
        figures=figures,
        judgement=judgement,
        files=_files(found, series, account),
        timings={},
        runs=runs,
        details=shown,
    )
    with clock("compose"):
        progress.say("writing")
        files = {"report.json": write_json(report), "tensors.csv": write_csv(report)}
        printed = _printing(printer, memo, report, files) if printer is not None else None
    with clock("draw"):
        report = draw_further(memo, report, settings.bins)
    with clock("compose"):
        files |= _pages(report, memo)
    with clock("pdf"):
        problem = _printed(printed, files)
    report = replace(report, timings=clock.seconds)
    files["report.json"] = with_timings(files["report.json"], report.timings)
    folder = publish(settings.out, created, identity(found, settings), files, latest=report.tensors > 0)
    return Outcome(report, folder, problem, cache.problem, account.read, account.read_bytes)


def _gather(
    found: Found, settings: Settings, cache: Cache, progress: Progress, clock: _Clock
) -> tuple[tuple[Comparison, ...], Account]:
    with clock("measure"):
        gatherer, account = Gatherer.begin(settings, cache, progress)
    result: list[Comparison] = []
    with progress.counting(sum(len(s.checkpoints) for s in found.series)):
        with clock("measure"):
            ordered, account = settled(found.series, gatherer, account)
        waiting = deque(ordered)
        while waiting:
            series = waiting.popleft()
            with clock("measure"):
                gathered, account = gatherer.gather(series, account)
            with clock("compare"):
                if not gathered.refs:
                    continue
                comparison = compare(series, gathered)
                runs = apart(series, comparison)
            if runs:
                waiting.extendleft(reversed(runs))
                continue
            with clock("deployment"):
                result.append(with_deployment(comparison, settings, cache))
    return with_twins(result), account


def _files(found: Found, series: Sequence[Comparison], account: Account) -> tuple[FileEntry, ...]:
    """Discovery's entries, brought up to what became of them."""
    measured = {ref.name: s.name for s in series for ref in s.refs}
    empty = {ref.name for s in series for ref, m in zip(s.refs, s.measured, strict=True) if not m.tensors}
    result = [
        FileEntry(ref.name, ref.format, RotatedAway.state, _kept(ref), ref.step.value, s.name)
        for s in series
        for ref in s.refs
        if ref.rotated
    ]
    for entry in found.files:
        if entry.state == State.FOUND:
            error = account.failed.get(entry.path) if entry.path not in measured else None
            remark = account.remarks.get(entry.path, "")
            state, reason = (error.state, error.reason) if error else (State.MEASURED, remark)
            if entry.path in empty:
                state, reason = State.EMPTY, "it holds no numbers: there is nothing to measure"
            entry = replace(entry, state=state, reason=reason, series=measured.get(entry.path, entry.series))
        result.append(entry)
    return tuple(sorted(result, key=lambda e: natural(e.path)))


def _kept(ref: CheckpointRef) -> str:
    return f"its files are gone; measured on {ref.rotated}, and in the trend with the numbers of that day"


def _attachments(files: Mapping[str, bytes]) -> tuple[Attachment, ...]:
    return (
        Attachment("report.json", files["report.json"], "Everything that was measured and judged"),
        Attachment("tensors.csv", files["tensors.csv"], "Statistics of every tensor in every checkpoint"),
    )


def _pages(report: Report, memo: Renderings) -> dict[str, bytes]:
    """The HTML files: the first tells when it was made, the others often are as they were."""
    return {
        path: _html(page) if path == "index.html" else memo.render(_html, page) for path, page in html_pages(report)
    }


def _html(page: Page) -> bytes:
    return render_html(page).encode("utf-8", "backslashreplace")


def _printing(printer: Printer, memo: Renderings, report: Report, files: Mapping[str, bytes]) -> Callable[[], bytes]:
    """Start the PDF unless there is one of the same report; what is returned waits for it."""
    page, attached = report_page(report, "pdf"), {name: files[name] for name in ("report.json", "tensors.csv")}
    key, known = memo.document(page, attached, timestamp(report.created).encode())
    if known is not None:
        return lambda: known
    printer.send(page, _attachments(files))

    def receive() -> bytes:
        pdf = printer.receive()
        memo.keep_document(key, pdf)
        return pdf

    return receive


def _printed(receive: Callable[[], bytes] | None, files: dict[str, bytes]) -> str:
    """Add the PDF, which was made in the meantime, or return why there is none."""
    try:
        if receive is not None:
            files["report.pdf"] = receive()
    except RenderError as error:
        return str(error)
    return ""


def program_version() -> str:
    """The installed version, or that of the checkout."""
    try:
        return version("ckpt-report")
    except PackageNotFoundError:
        return "0.1.0+checkout"


def _title(roots: Sequence[Path]) -> str:
    names = [absolute(root).name or str(root) for root in roots]
    more = f" and {integer(len(names) - NAMED)} more" if len(names) > NAMED else ""
    return f"Checkpoints of {', '.join(names[:NAMED])}{more}"


def _described(settings: Settings) -> dict[str, str]:
    described = {
        "folders": ", ".join(str(root) for root in settings.roots),
        "variables": settings.variables,
        "bins": str(settings.bins),
        "quantiles": ", ".join(f"{p:g}" for p in settings.quantiles),
        "settle": f"{settings.settle:g} s",
        "fail-on": settings.fail_on,
        "accepted findings": str(settings.accept or "none"),
        "rules of the user's own": ", ".join(str(path) for path in settings.rule_files) or "none",
        "rules changed": ", ".join(
            f"{rule}.{key} = {value}" for rule, keys in sorted(settings.rules.items()) for key, value in keys.items()
        )
        or "none",
        "deployment": settings.deployment,
        "spectral": "on" if settings.spectral else "off",
    }
    if not settings.history:
        described["history"] = "no"
    if settings.baseline is not None:
        described["baseline"] = str(settings.baseline)
    return described


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
