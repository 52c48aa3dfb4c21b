"""The main path: discover → read → measure → compare → judge → draw → compose → publish."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from reporter import __version__, plots
from reporter.ahead import NONE, Copies, made_ahead
from reporter.cache import Cache, CacheDamaged
from reporter.cache.derived import (
    Thumbnails,
    histograms_from_bytes,
    histograms_to_bytes,
    thumbnails_from_bytes,
    thumbnails_to_bytes,
)
from reporter.cache.renderings import Renderings
from reporter.cache.substance import substance
from reporter.compare import runs_of_one_model
from reporter.derive.histograms import of_series
from reporter.documents import Documents
from reporter.errors import OutputError, RenderError
from reporter.frozen import dataclass
from reporter.gather.account import Account
from reporter.gather.stretches import further_processors
from reporter.judged import judged
from reporter.measuring.kernels import compiled_anew, when_compiling
from reporter.model.histogram import SeriesHistograms
from reporter.model.news import Run
from reporter.model.output import UNFINISHED
from reporter.model.report import Report
from reporter.model.shown import FEW_SERIES
from reporter.plots.choose import draw_all
from reporter.plots.choose_further import Further, draw_layers
from reporter.plots.choose_runs import draw_runs
from reporter.plots.font_list import keep_font_list
from reporter.render.look import read_look
from reporter.render.runs import MADE_BY, render_runs
from reporter.rules.news import news
from reporter.run_facts import Clock, identity, title
from reporter.sections.layer_cards import thumbnails
from reporter.sections.shown import details
from reporter.settings.model import Settings
from reporter.settings.options import described
from reporter.terminal.progress import Progress
from reporter.writers.aside import IN_MEMORY
from reporter.writers.destination import Destination, destination
from reporter.writers.findings_json import write_memory
from reporter.writers.outputs import FILES, HANDED_ON, Published, deliver, require_possible
from reporter.writers.report_json import timestamp, with_timings

LARGE = 50_000
"""Tensors of all checkpoints from which on files do not stay in memory until all are there. They are about 20 MB then;
to have each of a thousand on the disk twice takes a quarter of a second."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind.

    Attributes:
        report: the data that was published.
        folder: the published run.
        page: the path that people open: by way of ``latest``, where that was switched to this run.
        problems: what could not be written or sent beside the report, a sentence each.
        pdf_problem: why there is no PDF, "" if there is one or none was wanted.
        cache_problem: why nothing was kept for the next run, "" if it was or was not wanted.
        read, read_bytes: checkpoints whose weights were read in this run, and the bytes of their tensors.
        compiled: whether kernels were compiled meanwhile, so that the time says nothing about the speed of reading.
    """

    report: Report = field(repr=False)
    folder: Path
    page: Path
    problems: tuple[str, ...] = ()
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
    first = settings.cache is None or not os.path.exists(settings.cache)  # noqa: PTH110 (raises nothing)
    cache, created = Cache(settings.cache), now or datetime.now(UTC)
    require_possible(settings)
    keep_font_list(settings.cache)
    out = destination(settings.out)
    with out.held():
        while True:
            try:
                documents = Documents.of(
                    Renderings(cache, progress.tick),
                    created,
                    pdf=settings.pdf,
                    paper=settings.paper,
                    plots=settings.plots_folder,
                )
                with progress.shown(), when_compiling(progress.compiling), documents as made:
                    if first:  # there will be something to read, and so a PDF to make
                        made.warm_up()
                    return _run(settings, out, cache, progress, created, made)
            except CacheDamaged as error:
                progress.say(f"{error}: starting again without it")


def _run(
    settings: Settings, out: Destination, cache: Cache, progress: Progress, created: datetime, documents: Documents
) -> Outcome:
    """Every stage once, in order; each takes the frozen results of those before it."""
    clock, renderings = Clock(), Renderings(cache, progress.tick)
    look = read_look(settings.note, settings.logo, settings.accent, settings.templates)

    def when_measured(account: Account) -> None:
        if account.read:
            documents.warm_up()  # where nothing had to be read, the PDF is probably known as well

    made = judged(
        settings, cache=cache, now=created, progress=progress, clock=clock, when_measured=when_measured
    )  # discover, read, measure, compare and judge
    series, judgement, account = made.series, made.judgement, made.account
    # Where nothing was read, most likely nothing has changed, and there is a PDF already: then its page is not composed
    # before all others, and a copy of this process writes the records meanwhile. Only then is it worth it to keep what
    # another run over the same would make of them.
    unread = not account.read
    report = Report(
        title=title(settings),
        version=__version__,
        created=created,
        settings=described(settings),
        variables=settings.variables,
        series=series,
        histograms=(),
        figures=(),
        judgement=judgement,
        files=made.files,
        timings={},
        details=details(series, judgement),
        look=look,
    )
    with clock("draw"):
        progress.stage("drawing")
        known_by = substance(report, settings.bins) if cache.keeps else ""
        again = known_by if unread else ""
        make = partial(_histograms, report, settings.bins)
        histograms = renderings.made_of(again, "histograms", make, histograms_to_bytes, histograms_from_bytes)
        copies = Copies(further_processors(settings), out.scratch, UNFINISHED)
        if account.read and copies.number:
            plots.load()
        report = replace(
            report,
            histograms=histograms,
            figures=draw_all(renderings, series, histograms, judgement, settings.bins, copies),
            runs=tuple(draw_runs(renderings, series, group) for group in runs_of_one_model(series)),
        )
    name = out.run_name(created, identity(made.found, settings))
    memory, problem = out.memory()
    fresh, memory = news(report, memory, Run(name, timestamp(created)), problem)
    report = replace(report, news=fresh)

    with clock("draw"):
        if len(report.series) <= FEW_SERIES:
            report = draw_layers(renderings, report, copies)
            if again:
                report = _with_thumbnails(report, renderings, again)
    progress.stage("writing")
    further, latest = Further(renderings, settings.bins), report.tensors > 0
    records = FILES[::-1]  # a copy begins with the last one, report.json, which takes longest
    with out.aside() if report.tensors > LARGE else nullcontext(IN_MEMORY) as aside:
        with (
            clock("compose"),
            made_ahead(records, lambda one: aside.keep(one[0], one[1](report)), copies if unread else NONE) as written,
            documents.pages(report, further, copies, aside, known_by, unchanged=unread and cache.keeps) as pages,
        ):
            files = pages() if unread else {}
            files |= {name: content for (name, _), content in zip(records, written, strict=True)}
            files[HANDED_ON] = write_memory(memory)
            documents.begin(report, files, further)
            files |= {} if unread else pages()
        with clock("pdf"):
            progress.stage("PDF")
            files |= documents.finish()

        progress.stage("publishing")
        report = replace(report, timings=clock.seconds)
        files["report.json"] = with_timings(files["report.json"], report.timings)
        folder = out.publish(created, identity(made.found, settings), files, latest=latest)
    page = out.page(folder, latest=latest)
    problems = (*_index(settings, out, created), *deliver(Published(report, page, clock.elapsed, settings)))
    return Outcome(
        report,
        folder,
        page,
        problems,
        documents.problem,
        cache.problem,
        account.read,
        account.read_bytes,
        compiled_anew(),
    )


def _histograms(report: Report, bins: int) -> tuple[SeriesHistograms, ...]:
    return tuple(of_series(one, shown, bins) for one, shown in zip(report.series, report.details, strict=True))


def _with_thumbnails(report: Report, renderings: Renderings, known_by: str) -> Report:
    """With the thumbnails of the cards, which otherwise are made when a page is composed."""

    def make() -> Thumbnails:
        return tuple(map(thumbnails, report.series))

    every = renderings.made_of(known_by, "thumbnails", make, thumbnails_to_bytes, thumbnails_from_bytes)
    both = zip(report.figures, every, strict=True)
    return replace(report, figures=tuple(replace(of, thumbnails=small) for of, small in both))


def _index(settings: Settings, out: Destination, now: datetime) -> Iterator[str]:
    """Delete old runs, and write the page over all that are left; yields what went wrong, if anything did."""
    try:
        runs = out.pruned(now, settings.keep_last, settings.keep_days)
        out.write_index(render_runs(runs), MADE_BY)
    except (OutputError, RenderError) as error:
        yield str(error)
    except OSError as error:  # the report is published already: this must not end the run as if it were not
        yield f"{settings.out}: the page over its runs could not be written ({error.strerror or error})"
