"""What `ckpt-report report` does: a report, what it says on the terminal, and its exit code."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.cli.commands import FINDINGS, INCOMPLETE, OK, settings_of
from reporter.errors import SettingError, State
from reporter.places import address, shown
from reporter.settings.model import Settings

if TYPE_CHECKING:
    from reporter.pipeline import Outcome
    from reporter.terminal.log import Log

SHOWN = 10
"""Unreadable files named on the terminal; all of them are in the report."""

NAMED = 4
"""Folders and rules named in a line."""


def report(arguments: argparse.Namespace) -> int:
    """Make a report."""
    settings = settings_of(arguments)
    if arguments.open and address(settings.out):
        raise SettingError(
            "--open: a page in a store cannot be opened from here; leave it out, or give a folder with -o"
        )
    from reporter.pipeline import run
    from reporter.terminal.log import Log, Loudness
    from reporter.terminal.progress import Progress

    quiet, as_json = arguments.quiet, settings.log_format == "json"
    loudness = Loudness.QUIET if quiet else Loudness.VERBOSE if arguments.verbose else Loudness.USUAL
    log, started = Log(loudness=loudness, as_json=as_json), time.perf_counter()
    outcome = run(settings, Progress(log))
    code = exit_code(outcome, settings)
    if quiet and code != OK:
        log = Log(as_json=as_json)  # whoever is only told of what is wrong wants to know all of it
    _summarise(outcome, time.perf_counter() - started, log, code)
    if not quiet or code != OK:
        _print_results(outcome)
    if arguments.open:
        _open(outcome.page)
    return code


def _print_results(outcome: Outcome) -> None:
    """The verdict, the worst findings and the place of the report on standard output."""
    from reporter.terminal.colours import Paint
    from reporter.terminal.results import results

    print(results(outcome.report, outcome.page, Paint.of(sys.stdout, os.environ)))


def _open(page: Path) -> None:
    import webbrowser

    webbrowser.open(page.absolute().as_uri())


def _summarise(outcome: Outcome, seconds: float, log: Log, code: int) -> None:
    """Totals, and what makes this report less than was asked for, on standard error."""
    from reporter.numerals import counted, integer, size, time_taken

    report = outcome.report
    measured = [m for s in report.series for m in s.measured]
    nbytes = sum(m.nbytes for m in measured)
    measuring = report.timings.get("measure", 0.0)
    read = outcome.read_bytes
    told = measuring > 0 and read and not outcome.compiled
    rate = f" ({size(round(read / measuring))}/s while measuring)" if told else ""
    kept = len(measured) - outcome.read
    if kept > 0:
        rate += f"; {integer(kept)} of the checkpoints had been measured before"
    parameters = sum(m.parameters for m in measured)
    log.line(
        "measured-all",
        f"{counted(len(measured), 'checkpoint')}, {counted(report.tensors, 'tensor')}, "
        f"{counted(parameters, 'value')}, {size(nbytes)} in {time_taken(seconds)}{rate}",
        checkpoints=len(measured),
        tensors=report.tensors,
        bytes=nbytes,
        seconds=round(seconds, 3),
    )
    rotated = sum(ref.rotated != "" for s in report.series for ref in s.refs)
    if rotated:
        verb = (
            "are deleted by now: their numbers are those" if rotated > 1 else "is deleted by now: its numbers are those"
        )
        log.line("rotated", f"{integer(rotated)} of them {verb} of an earlier run", checkpoints=rotated)
    for entry in report.unmeasured[:SHOWN]:
        message = f"{entry.state}: {_brief(entry.path)}: {entry.reason}"
        log.line("unmeasured", message, level="warning", path=entry.path, state=str(entry.state), reason=entry.reason)
    if len(report.unmeasured) > SHOWN:
        more = len(report.unmeasured) - SHOWN
        log.line(
            "unmeasured", f"and {integer(more)} more that could not be measured; the report lists them", level="warning"
        )
    others = sum(entry.state == State.NO_CHECKPOINT for entry in report.files)
    if others:
        log.line("others", f"{counted(others, 'other file')} {'are' if others > 1 else 'is'} listed in the report")
    left_out = [entry.path for entry in report.files if entry.state == State.LEFT_OUT]
    if left_out:
        log.line("left-out", f"{counted(len(left_out), 'folder')} not looked into: {_listed(left_out)}")
    for problem in (*outcome.problems, outcome.cache_problem, report.news.problem if report.news else ""):
        if problem:
            log.line("problem", problem, level="warning")
    level = "error" if code == FINDINGS else "warning" if code != OK else "info"
    facts = {"verdict": str(report.verdict), "findings": len(report.judgement.findings), "exit_code": code}
    log.line("verdict", "; ".join(_verdict(outcome)), level=level, page=shown(outcome.page), **facts)


def _verdict(outcome: Outcome) -> Iterator[str]:
    """What a log's last line has to say: the verdict, and what makes this report less than was asked for."""
    from reporter.numerals import counted

    report = outcome.report
    yield f"verdict {report.verdict}: {counted(len(report.judgement.findings), 'finding')}"
    if not report.tensors:
        why = "no checkpoint was found" if not report.unmeasured else "none that was found could be measured"
        yield f"nothing was measured ({why}), so this report does not become latest"
    elif report.unmeasured:
        yield f"{counted(len(report.unmeasured), 'file')} could not be measured"
    if report.judgement.unapplied:
        yield f"rules that could not be applied: {_listed(report.judgement.unapplied)}"
    if outcome.pdf_problem:
        yield f"no PDF: {outcome.pdf_problem}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(_brief, names[:NAMED])) + more


def exit_code(outcome: Outcome, settings: Settings) -> int:
    """What a scheduler is told."""
    report = outcome.report
    if _failed(outcome, settings.fail_on):
        return FINDINGS
    whole = report.tensors and not any(entry.harmful for entry in report.files)
    made = not outcome.pdf_problem and not outcome.problems
    return OK if whole and not report.judgement.unapplied and made else INCOMPLETE


def _failed(outcome: Outcome, fail_on: str) -> bool:
    from reporter.model.finding import Severity, Verdict
    from reporter.writers.outputs import least_failing

    report = outcome.report
    least = least_failing(fail_on)
    if least is None:
        return False
    if fail_on.startswith("new"):
        return report.news is not None and bool(report.news.alarming(report.judgement.findings, least))
    return report.verdict is Verdict.FAIL or (least is Severity.WARN and report.verdict is Verdict.WARN)


def _brief(path: str) -> str:
    from reporter.printable import brief

    return brief(path)
