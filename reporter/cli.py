"""The command line; nothing heavier than argparse is imported before a command runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.errors import ReportError, SettingError
from reporter.settings import BINS, FAIL_ON, QUANTILES, VARIABLES, Settings, default_cache, parse_quantiles

if TYPE_CHECKING:
    from reporter.cache.folder import Folder
    from reporter.pipeline import Outcome

SHOWN = 10
"""Unreadable files named on the terminal; all of them are in the report."""

OK, INTERNAL, USAGE, FINDINGS, UNREADABLE = 0, 1, 2, 3, 4

EXIT_CODES = """exit codes:
  0 ok   1 internal error   2 usage or settings   3 findings at or above --fail-on
  4 report written, but some checkpoints could not be read; verify: some are not sound
  75 another run holds the output folder"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except ReportError as error:
        print(f"ckpt-report: {_visible(str(error))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        print("ckpt-report: interrupted; the last published report stands", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ckpt-report",
        description="What happened to my weights? Reports on TensorFlow/Keras checkpoints, read offline.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    report = commands.add_parser("report", help="measure folders of checkpoints; write HTML, PDF, JSON and CSV")
    report.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folder with checkpoints")
    report.add_argument("-o", "--out", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    report.add_argument("--title", default="", help="heading of the report")
    report.add_argument(
        "--fail-on", default="fail", choices=FAIL_ON, help="lowest verdict with exit code 3 (default: fail)"
    )
    report.add_argument(
        "--cache", type=Path, metavar="DIR", help="what earlier runs measured (default: the user's cache folder)"
    )
    report.add_argument("--no-cache", action="store_true", help="measure everything anew, and keep nothing")
    report.add_argument(
        "--history",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep deleted checkpoints that an earlier run measured in the trend (default: yes)",
    )
    report.add_argument(
        "--baseline", type=Path, metavar="PATH", help="a checkpoint that all others are held against as well"
    )
    report.add_argument("--no-pdf", dest="pdf", action="store_false", help="HTML, JSON and CSV only")
    _measuring(report)
    _settling(report)
    report.add_argument("-q", "--quiet", action="store_true", help="no progress, only problems and the summary")
    report.set_defaults(command=_report)

    inspect = commands.add_parser("inspect", help="measure one checkpoint and print its numbers")
    inspect.add_argument("path", type=Path, metavar="PATH", help="file, folder, or prefix of a TensorFlow checkpoint")
    inspect.add_argument("--json", action="store_true", help="one JSON object")
    _measuring(inspect)
    _settling(inspect)
    inspect.set_defaults(command=_inspect)

    diff = commands.add_parser("diff", help="compare two checkpoints, or two report.json, tensor by tensor")
    diff.add_argument("before", type=Path, metavar="A", help="file, folder, prefix, or report.json")
    diff.add_argument("after", type=Path, metavar="B", help="what it is compared with")
    diff.add_argument("--json", action="store_true", help="one JSON object")
    diff.add_argument("--html", type=Path, metavar="FILE", help="also write one self-contained page")
    diff.add_argument(
        "--variables", default="model", choices=VARIABLES, help="what the whole speaks of (default: model)"
    )
    _settling(diff)
    diff.set_defaults(command=_diff)

    _cache_commands(commands.add_parser("cache", help="what earlier runs measured: how much it is, and delete it"))

    scan = commands.add_parser("scan", help="list checkpoints and everything else in a folder; reads no weights")
    scan.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    scan.add_argument("--json", action="store_true", help="one JSON object")
    _settling(scan)
    scan.set_defaults(command=_scan)

    verify = commands.add_parser(
        "verify",
        help="check the integrity of every checkpoint in a folder; measures nothing",
        description="Reads every checkpoint once and checks every checksum that its format has. "
        "Exit code 0 if all are sound, 4 if some are not, those that are being written included.",
    )
    verify.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    verify.add_argument("--json", action="store_true", help="one JSON object")
    _settling(verify)
    verify.set_defaults(command=_verify)
    return parser


def _cache_commands(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    info = actions.add_parser("info", help="where it is, and how much of what is in it")
    prune = actions.add_parser("prune", help="delete what was not used for a while, or everything")
    which = prune.add_mutually_exclusive_group()
    which.add_argument("--older-than", type=float, default=30.0, metavar="DAYS", help="not used since (default: 30)")
    which.add_argument("--all", action="store_true", help="everything")
    for action in (info, prune):
        action.add_argument("--cache", type=Path, metavar="DIR", help="default: the user's cache folder")
    info.set_defaults(command=_cache_info)
    prune.set_defaults(command=_cache_prune)


def _measuring(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--variables", default="model", choices=VARIABLES, help="what statistics speak of (default: model)"
    )
    parser.add_argument("--bins", type=int, default=BINS, metavar="N", help=f"histogram bins, 1-512 (default: {BINS})")
    parser.add_argument(
        "--quantiles",
        default=",".join(f"{p:g}" for p in QUANTILES),
        metavar="P,P",
        help="probabilities (default: %(default)s)",
    )


def _settling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settle",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="unsound files younger than this count as being written (default: 120)",
    )


def _report(arguments: argparse.Namespace) -> int:
    settings = Settings(
        roots=tuple(arguments.folders),
        out=arguments.out,
        title=arguments.title,
        variables=arguments.variables,
        bins=arguments.bins,
        quantiles=parse_quantiles(arguments.quantiles),
        settle=arguments.settle,
        fail_on=arguments.fail_on,
        pdf=arguments.pdf,
        cache=None if arguments.no_cache else arguments.cache or default_cache(),
        history=arguments.history,
        baseline=arguments.baseline,
    )
    from reporter.pipeline import run
    from reporter.progress import Progress

    started = time.perf_counter()
    outcome = run(settings, Progress(quiet=arguments.quiet))
    _summarise(outcome, time.perf_counter() - started)
    return _exit_code(outcome, settings)


def _summarise(outcome: Outcome, seconds: float) -> None:
    """Totals on standard error, the place of the report on standard output."""
    from reporter.numerals import integer, number, size

    report = outcome.report
    measured = [m for s in report.series for m in s.measured]
    nbytes = sum(m.nbytes for m in measured)
    measuring = report.timings.get("measure", 0.0)
    read = outcome.read_bytes
    rate = f" ({number(read / measuring / 1e9, 3)} GB/s while measuring)" if measuring > 0 and read else ""
    kept = len(measured) - outcome.read
    if kept > 0:
        rate += f"; {integer(kept)} of the checkpoints had been measured before"
    tensors, parameters = sum(len(m.tensors) for m in measured), sum(m.parameters for m in measured)
    print(
        f"{len(measured)} checkpoints, {integer(tensors)} tensors, {integer(parameters)} values, {size(nbytes)} "
        f"in {number(seconds, 3)} s{rate}",
        file=sys.stderr,
    )
    rotated = {ref.name for s in report.series for ref in s.refs if ref.rotated}
    if rotated:
        print(f"{len(rotated)} of them are deleted by now: their numbers are those of an earlier run", file=sys.stderr)
    unread = [
        entry
        for entry in report.files
        if entry.state not in ("measured", "not a checkpoint") and entry.path not in rotated
    ]
    for entry in unread[:SHOWN]:
        print(f"{entry.state}: {_visible(entry.path)}: {_visible(entry.reason)}", file=sys.stderr)
    if len(unread) > SHOWN:
        print(f"and {len(unread) - SHOWN} more that could not be measured; the report lists them", file=sys.stderr)
    others = sum(entry.state == "not a checkpoint" for entry in report.files)
    if others:
        print(f"{others} other files are listed in the report", file=sys.stderr)
    if not measured and not unread:
        print(
            "no checkpoint was found; give the folder that holds them (TensorFlow, SavedModel, .keras, .h5, "
            ".safetensors)",
            file=sys.stderr,
        )
    if outcome.cache_problem:
        print(outcome.cache_problem, file=sys.stderr)
    if outcome.pdf_problem:
        print(f"no PDF: {outcome.pdf_problem}", file=sys.stderr)
    print(f"verdict {report.verdict}: {len(report.judgement.findings)} findings", file=sys.stderr)
    print(outcome.folder / "index.html")


def _exit_code(outcome: Outcome, settings: Settings) -> int:
    from reporter.errors import InProgress, RotatedAway

    verdict = outcome.report.verdict
    failing = {"fail": ("FAIL",), "warn": ("FAIL", "WARN"), "never": ()}[settings.fail_on]
    if verdict in failing:
        return FINDINGS
    harmless = ("measured", "not a checkpoint", InProgress.state, RotatedAway.state)
    return UNREADABLE if any(entry.state not in harmless for entry in outcome.report.files) else OK


def _inspect(arguments: argparse.Namespace) -> int:
    settings = Settings(
        variables=arguments.variables,
        bins=arguments.bins,
        quantiles=parse_quantiles(arguments.quantiles),
        settle=arguments.settle,
    )
    from reporter.api import inspect
    from reporter.writers import console, records

    contents, numbers = inspect(arguments.path, settings)
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
        print(console.tensors(contents, numbers))
    return OK


def _diff(arguments: argparse.Namespace) -> int:
    settings = Settings(variables=arguments.variables, settle=arguments.settle)
    if arguments.html and arguments.html.suffix != ".html":  # so that a slip never overwrites a checkpoint
        raise SettingError(f"html: {arguments.html} does not end in .html")
    from reporter.api import diff
    from reporter.writers import differences

    found = diff(arguments.before, arguments.after, settings)
    if arguments.html:
        from reporter.pipeline import program_version
        from reporter.render.html import render_html
        from reporter.sections.difference import difference_page
        from reporter.writers.publish import write_file

        page = render_html(difference_page(found, program_version()))
        write_file(arguments.html, page.encode("utf-8", "backslashreplace"))
    if arguments.json:
        _print_json(differences.record(found))
    else:
        print(differences.text(found))
    return OK


def _scan(arguments: argparse.Namespace) -> int:
    settings = Settings(roots=tuple(arguments.folders), settle=arguments.settle)
    from reporter.catalog import scan
    from reporter.writers import console, records

    found = scan(settings)
    if arguments.json:
        _print_json(
            {
                "files": [records.file_entry(entry) for entry in found.files],
                "series": [
                    {
                        "name": s.name,
                        "format": s.format,
                        "ordered_by": s.ordered_by,
                        "notes": list(s.notes),
                        "checkpoints": [records.reference(ref) for ref in s.checkpoints],
                    }
                    for s in found.series
                ],
            }
        )
    else:
        print(console.files(found))
    return OK


def _cache_info(arguments: argparse.Namespace) -> int:
    from reporter.numerals import integer, size

    use = _cache_folder(arguments).use()
    print(use.folder)
    for kind, (number, nbytes) in use.kinds.items():
        print(f"{kind:<12}{integer(number):>10} files {size(nbytes):>12}")
    return OK


def _cache_prune(arguments: argparse.Namespace) -> int:
    from reporter.numerals import integer, size

    if not arguments.older_than >= 0:
        raise SettingError(f"older-than: {arguments.older_than:g} is not a number of days, 0 or more")
    number, nbytes = _cache_folder(arguments).prune(None if arguments.all else arguments.older_than * 86_400)
    print(f"deleted {integer(number)} files, {size(nbytes)}")
    return OK


def _cache_folder(arguments: argparse.Namespace) -> Folder:
    from reporter.cache.folder import Folder

    folder = arguments.cache or default_cache()
    if folder is None:
        raise SettingError("cache: this user has no home folder; say which folder it is with --cache")
    return Folder(folder)


def _verify(arguments: argparse.Namespace) -> int:
    settings = Settings(roots=tuple(arguments.folders), settle=arguments.settle)
    from dataclasses import asdict

    from reporter.verify import SOUND, verify

    verdicts = []
    for verdict in verify(settings):
        verdicts.append(verdict)
        if not arguments.json:
            about = f"{verdict.state:12}  {verdict.check or '-':9}  {_visible(verdict.path)}"
            print(f"{about}  {_visible(verdict.reason)}".rstrip(), flush=True)
    unsound = sum(verdict.state != SOUND for verdict in verdicts)
    if arguments.json:
        _print_json({"checkpoints": [asdict(verdict) for verdict in verdicts], "unsound": unsound})
    else:
        print(f"{len(verdicts) - unsound} of {len(verdicts)} checkpoints are sound", file=sys.stderr)
    return UNREADABLE if unsound else OK


def _print_json(record: object) -> None:
    text = json.dumps(record, allow_nan=False, indent=1)
    print(text)


def _visible(text: str) -> str:
    from reporter.progress import visible

    return visible(text)
