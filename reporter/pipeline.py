"""The main path: discover → read → measure → compare → judge → draw → compose → publish."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from reporter.cache import Cache, CacheDamaged
from reporter.cache.renderings import Renderings
from reporter.compare import runs_of_one_model
from reporter.derive.histograms import of_series
from reporter.documents import Documents
from reporter.gather.all_series import file_entries, gather_all
from reporter.gather.catalog import scan
from reporter.gather.stretches import further_processors
from reporter.measuring.kernels import compiled_anew
from reporter.metrics import with_metrics
from reporter.model.report import Report
from reporter.plots.choose import draw_all, draw_further
from reporter.plots.choose_runs import draw_runs
from reporter.readers.isolation import end_children
from reporter.rules.judging import judge
from reporter.rules.policy import policy
from reporter.run_facts import Clock, identity, program_version, title
from reporter.sections.shown import details
from reporter.settings.model import Settings, described
from reporter.terminal.progress import Progress
from reporter.writers.publish import output_lock, publish
from reporter.writers.report_json import with_timings, write_json
from reporter.writers.tensors_csv import write_csv


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind.

    Attributes:
        report: the data that was published.
        folder: the published run.
        pdf_problem: why there is no PDF, "" if there is one or none was wanted.
        cache_problem: why nothing was kept for the next run, "" if it was or was not wanted.
        read, read_bytes: checkpoints whose weights were read in this run, and the bytes of their tensors.
        compiled: whether kernels were compiled meanwhile, so that the time says nothing about the speed of reading.
    """

    report: Report
    folder: Path
    pdf_problem: str = ""
    cache_problem: str = ""
    read: int = 0
    read_bytes: int = 0
    compiled: bool = False


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
                with Documents.of(
                    Renderings(cache), created, pdf=settings.pdf, paper=settings.paper, plots=settings.plots_folder
                ) as documents:
                    return _run(settings, cache, progress, created, documents)
            except CacheDamaged as error:
                progress.say(f"{error}: starting again without it")


def _run(settings: Settings, cache: Cache, progress: Progress, created: datetime, documents: Documents) -> Outcome:
    """Every stage once, in order; each takes the frozen results of those before it."""
    clock, renderings, rules = Clock(), Renderings(cache), policy(settings, created.date())

    with clock("discover"):
        found = scan(settings, cache)

    series, account = gather_all(found, settings, cache, progress, clock)  # read, measure and compare
    if account.read:
        documents.warm_up()  # where nothing had to be read, the PDF is probably known as well
    end_children()  # TensorFlow's takes 700 MB, which drawing and the PDF may need

    with clock("metrics"):
        series = with_metrics(series, settings)

    with clock("judge"):
        judgement = judge(series, rules)

    with clock("draw"):
        progress.say("drawing")
        shown = details(series, judgement)
        histograms = tuple(of_series(s, d, settings.bins) for s, d in zip(series, shown, strict=True))
        copies = further_processors(settings) if cache.keeps else 0
        figures = draw_all(renderings, series, histograms, judgement, settings.bins, copies)
        runs = tuple(draw_runs(renderings, series, group) for group in runs_of_one_model(series))
    report = Report(
        title=title(settings),
        version=program_version(),
        created=created,
        settings=described(settings),
        variables=settings.variables,
        series=series,
        histograms=histograms,
        figures=figures,
        judgement=judgement,
        files=file_entries(found, series, account),
        timings={},
        runs=runs,
        details=shown,
    )

    with clock("compose"):
        progress.say("writing")
        files = {"report.json": write_json(report), "tensors.csv": write_csv(report)}
        documents.begin(report, files)
    with clock("draw"):  # while the PDF is being made
        report = draw_further(renderings, report, settings.bins)
    with clock("compose"):
        files |= documents.pages(report)
    with clock("pdf"):
        files |= documents.finish()

    report = replace(report, timings=clock.seconds)
    files["report.json"] = with_timings(files["report.json"], report.timings)
    folder = publish(settings.out, created, identity(found, settings), files, latest=report.tensors > 0)
    return Outcome(report, folder, documents.problem, cache.problem, account.read, account.read_bytes, compiled_anew())
