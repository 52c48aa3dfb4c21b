"""What each command does; its heavy imports are made when it runs."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.errors import SettingError, State
from reporter.model.finding import Verdict
from reporter.settings.model import Settings, default_cache

if TYPE_CHECKING:
    from reporter.pipeline import Outcome
    from reporter.settings.sources import Config

SHOWN = 10
"""Unreadable files named on the terminal; all of them are in the report."""

NAMED = 4
"""Folders and rules named in a line."""

OK, FINDINGS, INCOMPLETE = 0, 3, 4
"""The last: a report was written, but something that was asked for could not be looked at, judged or made."""


def report(arguments: argparse.Namespace) -> int:
    """Make a report."""
    settings = _settings(arguments)
    from reporter.pipeline import run
    from reporter.terminal.progress import Progress

    started = time.perf_counter()
    outcome = run(settings, Progress(quiet=arguments.quiet))
    _summarise(outcome, time.perf_counter() - started)
    return _exit_code(outcome, settings)


def _summarise(outcome: Outcome, seconds: float) -> None:
    """Totals on standard error, the place of the report on standard output."""
    from reporter.numerals import counted, integer, number, size

    report = outcome.report
    measured = [m for s in report.series for m in s.measured]
    nbytes = sum(m.nbytes for m in measured)
    measuring = report.timings.get("measure", 0.0)
    read = outcome.read_bytes
    told = measuring > 0 and read and not outcome.compiled
    rate = f" ({number(read / measuring / 1e9, 3)} GB/s while measuring)" if told else ""
    kept = len(measured) - outcome.read
    if kept > 0:
        rate += f"; {integer(kept)} of the checkpoints had been measured before"
    parameters = sum(m.parameters for m in measured)
    _say(
        f"{counted(len(measured), 'checkpoint')}, {counted(report.tensors, 'tensor')}, {integer(parameters)} values, "
        f"{size(nbytes)} in {number(seconds, 3)} s{rate}"
    )
    rotated = sum(ref.rotated != "" for s in report.series for ref in s.refs)
    if rotated:
        _say(f"{rotated} of them are deleted by now: their numbers are those of an earlier run")
    for entry in report.unmeasured[:SHOWN]:
        _say(f"{entry.state}: {_brief(entry.path)}: {entry.reason}")
    if len(report.unmeasured) > SHOWN:
        _say(f"and {len(report.unmeasured) - SHOWN} more that could not be measured; the report lists them")
    others = sum(entry.state == State.NO_CHECKPOINT for entry in report.files)
    if others:
        _say(f"{counted(others, 'other file')} {'are' if others > 1 else 'is'} listed in the report")
    left_out = [entry.path for entry in report.files if entry.state == State.LEFT_OUT]
    if left_out:
        _say(f"{counted(len(left_out), 'folder')} not looked into: {_listed(left_out)}")
    if outcome.cache_problem:
        _say(outcome.cache_problem)
    _say("; ".join(_verdict(outcome)))
    print(outcome.folder / "index.html")


def _verdict(outcome: Outcome) -> Iterator[str]:
    """What a log's last line has to say: the verdict, and what makes this report less than was asked for."""
    from reporter.numerals import counted

    report = outcome.report
    yield f"verdict {report.verdict}: {counted(len(report.judgement.findings), 'finding')}"
    if not report.tensors:
        why = "no checkpoint was found" if not report.unmeasured else "none that was found could be measured"
        yield f"nothing was measured ({why}), so latest is left as it was"
    elif report.unmeasured:
        yield f"{counted(len(report.unmeasured), 'file')} could not be measured"
    if report.judgement.unapplied:
        yield f"rules that could not be applied: {_listed(report.judgement.unapplied)}"
    if outcome.pdf_problem:
        yield f"no PDF: {outcome.pdf_problem}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(_brief, names[:NAMED])) + more


def _exit_code(outcome: Outcome, settings: Settings) -> int:
    report = outcome.report
    if report.verdict in _failing(settings):
        return FINDINGS
    whole = report.tensors and not any(entry.harmful for entry in report.files)
    return OK if whole and not report.judgement.unapplied and not outcome.pdf_problem else INCOMPLETE


def _failing(settings: Settings) -> tuple[Verdict, ...]:
    """The verdicts that make the exit code 3."""
    failing: dict[str, tuple[Verdict, ...]] = {
        "fail": (Verdict.FAIL,),
        "warn": (Verdict.FAIL, Verdict.WARN),
        "none": (),
    }
    return failing[settings.fail_on]


def inspect(arguments: argparse.Namespace) -> int:
    """Measure one checkpoint and print its numbers."""
    settings = _settings(arguments)
    from reporter import api
    from reporter.terminal import tables
    from reporter.writers import records

    contents, numbers = api.inspect(arguments.path, settings)
    if arguments.json:
        record = {
            "path": str(arguments.path),
            "format": contents.format,
            "step": contents.step,
            "step_source": contents.step_source,
            **records.measured(numbers),
        }
        _print_json(record)
    else:
        print(tables.tensors(contents, numbers))
    if not numbers.tensors:
        _say("nothing was measured: the checkpoint holds no numbers")
        return INCOMPLETE
    return OK


def diff(arguments: argparse.Namespace) -> int:
    """Compare two checkpoints or two reports."""
    settings = _settings(arguments)
    if arguments.html and arguments.html.suffix != ".html":  # so that a slip never overwrites a checkpoint
        raise SettingError(f"html: {arguments.html} does not end in .html")
    from reporter import api
    from reporter.terminal.differences import text
    from reporter.writers.differences import record

    found = api.diff(arguments.before, arguments.after, settings)
    if arguments.html:
        from reporter.render.html import render_html
        from reporter.run_facts import program_version
        from reporter.sections.difference import difference_page
        from reporter.writers.publish import write_file

        page = render_html(difference_page(found, program_version()))
        write_file(arguments.html, page.encode("utf-8", "backslashreplace"))
    if arguments.json:
        _print_json(record(found))
    else:
        print(text(found))
    return FINDINGS if found.verdict in _failing(settings) else OK


def scan(arguments: argparse.Namespace) -> int:
    """List what is in folders."""
    settings = _settings(arguments)
    from reporter.gather import catalog
    from reporter.numerals import counted
    from reporter.terminal import tables
    from reporter.writers import records

    found = catalog.scan(settings)
    if arguments.json:
        _print_json(
            {
                "files": [records.file_entry(entry) for entry in found.files],
                "series": [
                    {
                        "name": s.name,
                        "format": s.format,
                        "ordered_by": s.ordered_by,
                        "checkpoints": [records.reference(ref) for ref in s.checkpoints],
                    }
                    for s in found.series
                ],
            }
        )
    else:
        print(tables.files(found))
    harmful = sum(entry.harmful for entry in found.files)
    if not found.series:
        _say("no checkpoint was found" + (" that can be read" if harmful else ""))
    elif harmful:
        _say(f"{counted(harmful, 'file')} cannot be read")
    return OK if found.series and not harmful else INCOMPLETE


def verify(arguments: argparse.Namespace) -> int:
    """Check the integrity of everything in folders."""
    settings = _settings(arguments)
    from dataclasses import asdict

    from reporter.gather import verify as checking

    verdicts = []
    for verdict in checking.verify(settings):
        verdicts.append(verdict)
        if not arguments.json:
            about = f"{verdict.state:12}  {verdict.check or '-':9}  {_visible(verdict.path)}"
            print(f"{about}  {_visible(verdict.reason)}".rstrip(), flush=True)
    sound, gone = (sum(v.state == state for v in verdicts) for state in (checking.SOUND, checking.GONE))
    unsound = len(verdicts) - sound - gone
    if arguments.json:
        _print_json({"checkpoints": [asdict(verdict) for verdict in verdicts], "unsound": unsound})
    else:
        meanwhile = f"; {gone} were deleted meanwhile" if gone else ""
        _say(f"{sound} of {len(verdicts)} checkpoints are sound{meanwhile}")
    return OK if sound and not unsound else INCOMPLETE


def config(arguments: argparse.Namespace) -> int:
    """Print all settings."""
    from reporter.cli.config_show import shown

    print(shown(_loaded(arguments)))
    return OK


def _loaded(arguments: argparse.Namespace) -> Config:
    """Settings from the flags that were given, and from everywhere else."""
    from reporter.settings.model import OPTIONS
    from reporter.settings.sources import load

    given = {option.key: getattr(arguments, option.field, None) for option in OPTIONS}
    flags = {key: value for key, value in given.items() if value is not None}
    assignments, file = getattr(arguments, "assignments", []), getattr(arguments, "config", None)
    config = load(flags, assignments, os.environ, _working_folder(), file)
    for sentence in config.ignored:
        _say(_visible(sentence))
    return config


def _working_folder() -> Path:
    """Where settings are looked for; it may be deleted, or closed to this user, which is said."""
    from reporter.settings.sources import FILE

    try:
        folder = Path.cwd()
        (folder / FILE).stat()
    except FileNotFoundError:
        return Path()
    except OSError as error:
        _say(f"settings in the working folder, if there are any, do not count: {error.strerror or error}")
        return Path()
    return folder


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = _loaded(arguments).settings
    if getattr(arguments, "no_cache", False):
        settings = replace(settings, cache=None)
    elif settings.cache is None:
        settings = replace(settings, cache=default_cache())
    folders = getattr(arguments, "folders", None)
    return replace(settings, roots=tuple(folders)) if folders else settings


def _say(text: str) -> None:
    """A line on standard error."""
    print(_visible(text), file=sys.stderr)


def _print_json(record: object) -> None:
    from reporter.terminal.outline import outlined

    print(outlined(record))


def _brief(path: str) -> str:
    from reporter.printable import brief

    return brief(path)


def _visible(text: str) -> str:
    from reporter.printable import visible

    return visible(text)
