"""What each command does; its heavy imports are made when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.errors import SettingError
from reporter.places import shown
from reporter.settings.model import Settings
from reporter.settings.options import default_cache

if TYPE_CHECKING:
    from reporter.model.finding import Verdict
    from reporter.settings.sources import Config

OK, FINDINGS, INCOMPLETE = 0, 3, 4
"""The last: a report was written, but something that was asked for could not be looked at, judged or made."""


def _failing(settings: Settings) -> tuple[Verdict, ...]:
    """The verdicts that make the exit code 3; two checkpoints have no report before, so all is new."""
    from reporter.model.finding import Verdict

    failing: dict[str, tuple[Verdict, ...]] = {
        "fail": (Verdict.FAIL,),
        "warn": (Verdict.FAIL, Verdict.WARN),
        "none": (),
    }
    return failing[settings.fail_on.removeprefix("new-")]


def inspect(arguments: argparse.Namespace) -> int:
    """Measure one checkpoint and print its numbers."""
    settings = settings_of(arguments)
    from reporter.library.single import inspect as inspected
    from reporter.terminal import tables

    contents, numbers = inspected(arguments.path, settings)
    if arguments.json:
        from reporter.writers import records

        record = {
            "path": shown(arguments.path),
            "format": contents.format,
            "step": contents.step,
            "step_source": contents.step_source,
            **records.measured(numbers),
        }
        _print_json(record)
    else:
        print(tables.tensors(contents, numbers))
    if numbers.empty:
        _say("nothing was measured: the checkpoint holds no numbers")
        return INCOMPLETE
    return OK


def diff(arguments: argparse.Namespace) -> int:
    """Compare two checkpoints or two reports."""
    settings = settings_of(arguments)
    if arguments.html and arguments.html.suffix != ".html":  # so that a slip never overwrites a checkpoint
        raise SettingError(f"html: {arguments.html} does not end in .html")
    from reporter import api
    from reporter.terminal.differences import text
    from reporter.writers.differences import record

    found = api.diff(arguments.before, arguments.after, settings)
    if arguments.html:
        from reporter import __version__
        from reporter.render.html import render_html
        from reporter.sections.difference import difference_page
        from reporter.writers.publish import write_file

        page = render_html(difference_page(found, __version__))
        write_file(arguments.html, page.encode("utf-8", "backslashreplace"))
    if arguments.json:
        _print_json(record(found))
    else:
        print(text(found))
    return FINDINGS if found.verdict in _failing(settings) else OK


def scan(arguments: argparse.Namespace) -> int:
    """List what is in folders."""
    settings = settings_of(arguments)
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
    settings = settings_of(arguments)
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
    from reporter.settings.options import OPTIONS
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


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of a command, with the folders that it was given."""
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

    sys.stdout.writelines(outlined(record))
    print()


def _visible(text: str) -> str:
    from reporter.printable import visible

    return visible(text)
