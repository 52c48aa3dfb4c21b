"""The commands and their flags. A flag that is not given leaves a setting to files and variables."""

from __future__ import annotations

import argparse
from pathlib import Path

from reporter.cli import commands as run
from reporter.settings.model import BINS, DEPLOYMENT, FAIL_ON, QUANTILES, VARIABLES

EXIT_CODES = """exit codes:
  0 ok   1 internal error   2 usage or settings   3 findings at or above --fail-on
  4 report written, but not all that was asked for: a checkpoint could not be read, nothing was measured,
    a rule could not be applied, or no PDF could be made; `scan`, `verify` or `inspect` found nothing that is sound
  75 another run holds the output folder
  141 nobody reads standard output any more; a report was written all the same"""


def parser() -> argparse.ArgumentParser:
    """The whole command line; ``arguments.command`` is the function to call."""
    whole = argparse.ArgumentParser(
        prog="ckpt-report",
        description="What happened to my weights? Reports on TensorFlow/Keras checkpoints, read offline.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    _report(commands.add_parser("report", help="measure folders of checkpoints; write HTML, PDF, JSON and CSV"))
    _inspect(commands.add_parser("inspect", help="measure one checkpoint and print its numbers"))
    _diff(commands.add_parser("diff", help="compare two checkpoints, or two report.json, tensor by tensor"))
    _scan(commands.add_parser("scan", help="list checkpoints and everything else in a folder; reads no weights"))
    _verify(
        commands.add_parser(
            "verify",
            help="check the integrity of every checkpoint in a folder; measures nothing",
            description="Reads every checkpoint once and checks every checksum that its format has. "
            "Exit code 0 if all are sound, 4 if some are not, those that are being written included; "
            "what was deleted meanwhile does not count.",
        )
    )
    _cache(commands.add_parser("cache", help="what earlier runs measured: how much it is, and delete it"))
    _config(commands.add_parser("config", help="print all settings and where they come from"))
    return whole


def _report(report: argparse.ArgumentParser) -> None:
    report.add_argument("folders", nargs="+", type=_path, metavar="DIR", help="folder with checkpoints")
    report.add_argument("-o", "--out", type=_path, metavar="DIR", help="default: reports")
    report.add_argument("--title", help="heading of the report")
    report.add_argument("--fail-on", choices=FAIL_ON, help="lowest verdict with exit code 3 (default: fail)")
    report.add_argument("--no-pdf", dest="pdf", action="store_false", default=None, help="HTML, JSON and CSV only")
    report.add_argument(
        "--cache", type=_path, metavar="DIR", help="what earlier runs measured (default: the user's cache folder)"
    )
    report.add_argument("--no-cache", action="store_true", help="measure everything anew, and keep nothing")
    report.add_argument(
        "--history",
        action=argparse.BooleanOptionalAction,
        help="keep deleted checkpoints that an earlier run measured in the trend (default: yes)",
    )
    report.add_argument(
        "--baseline", type=_path, metavar="PATH", help="a checkpoint that all others are held against as well"
    )
    report.add_argument(
        "--deployment",
        choices=DEPLOYMENT,
        help="int8 and float16 readiness of the last checkpoint of each series (default: last)",
    )
    report.add_argument(
        "--spectral", action="store_true", default=None, help="spectra of the last checkpoint's weight matrices"
    )
    _judging(report)
    _measuring(report)
    _settling(report)
    report.add_argument("-q", "--quiet", action="store_true", help="no progress, only problems and the summary")
    report.set_defaults(command=run.report)


def _inspect(inspect: argparse.ArgumentParser) -> None:
    inspect.add_argument("path", type=_path, metavar="PATH", help="file, folder, or prefix of a TensorFlow checkpoint")
    inspect.add_argument("--json", action="store_true", help="one JSON object")
    _measuring(inspect)
    _settling(inspect)
    inspect.set_defaults(command=run.inspect)


def _diff(diff: argparse.ArgumentParser) -> None:
    diff.add_argument("before", type=_path, metavar="A", help="file, folder, prefix, or report.json")
    diff.add_argument("after", type=_path, metavar="B", help="what it is compared with")
    diff.add_argument("--json", action="store_true", help="one JSON object")
    diff.add_argument(
        "--fail-on",
        choices=FAIL_ON,
        help="exit code 3: fail if B holds NaN or infinite values (default), warn also if A does or tensors came, went "
        "or changed their form, none never",
    )
    diff.add_argument("--html", type=_path, metavar="FILE", help="also write one self-contained page")
    diff.add_argument("--variables", choices=VARIABLES, help="what the whole speaks of (default: model)")
    _settling(diff)
    diff.set_defaults(command=run.diff)


def _scan(scan: argparse.ArgumentParser) -> None:
    scan.add_argument("folders", nargs="+", type=_path, metavar="DIR")
    scan.add_argument("--json", action="store_true", help="one JSON object")
    _settling(scan)
    scan.set_defaults(command=run.scan)


def _verify(verify: argparse.ArgumentParser) -> None:
    verify.add_argument("folders", nargs="+", type=_path, metavar="DIR")
    verify.add_argument("--json", action="store_true", help="one JSON object")
    _settling(verify)
    verify.set_defaults(command=run.verify)


def _cache(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    info = actions.add_parser("info", help="where it is, and how much of what is in it")
    prune = actions.add_parser("prune", help="delete what was not used for a while, or everything")
    which = prune.add_mutually_exclusive_group()
    which.add_argument("--older-than", type=float, default=30.0, metavar="DAYS", help="not used since (default: 30)")
    which.add_argument("--all", action="store_true", help="everything")
    for action in (info, prune):
        action.add_argument("--cache", type=_path, metavar="DIR", help="default: the user's cache folder")
    info.set_defaults(command=run.cache_info)
    prune.set_defaults(command=run.cache_prune)


def _config(config: argparse.ArgumentParser) -> None:
    config.add_argument("what", choices=("show",), help="as a ckpt-report.toml")
    _judging(config)
    config.set_defaults(command=run.config)


def _path(text: str) -> Path:
    """A file or folder. An empty text, mostly of a variable that is not set, would be the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def _judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--accept", type=_path, metavar="FILE", help="reviewed findings (default: accept.toml, if any)")
    parser.add_argument(
        "--rules",
        dest="rule_files",
        type=_path,
        action="append",
        metavar="FILE",
        help="Python file with rules of your own, which is run",
    )
    _configured(parser)


def _configured(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=_path,
        metavar="FILE",
        help="instead of ckpt-report.toml and [tool.ckpt-report] in pyproject.toml",
    )
    parser.add_argument(
        "--set",
        dest="assignments",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any setting, such as rules.frozen.severity=info",
    )


def _measuring(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--variables", choices=VARIABLES, help="what statistics speak of (default: model)")
    parser.add_argument("--bins", type=int, metavar="N", help=f"histogram bins, 1-512 (default: {BINS})")
    defaults = ",".join(f"{p:g}" for p in QUANTILES)
    parser.add_argument("--quantiles", metavar="P,P", help=f"probabilities (default: {defaults})")
    parser.add_argument("--threads", type=int, metavar="N", help="that read and measure (default: one per processor)")


def _settling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settle",
        type=float,
        metavar="SECONDS",
        help="unsound files younger than this count as being written (default: 120)",
    )
