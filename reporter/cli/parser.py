"""The commands and their flags. A flag that is not given leaves a setting to files and variables."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reporter import __version__
from reporter.cli import cache_commands, completion, reporting, warming
from reporter.cli import commands as run
from reporter.cli.examples import EXIT_CODES, examples
from reporter.cli.parsing import Parser
from reporter.places import no_place
from reporter.settings.options import BY_KEY, Option
from reporter.settings.setting import number, path, paths, whole


def parser() -> Parser:
    """The whole command line; ``arguments.command`` is the function to call."""
    whole = Parser(
        prog="ckpt-report",
        description="What happened to my weights? Reports on TensorFlow/Keras checkpoints, read offline.",
        epilog=f"{examples('')}\n\n{EXIT_CODES}\n\n`ckpt-report COMMAND --help` lists the flags of a command.",
    )
    whole.add_argument("--version", action="version", version=f"ckpt-report {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    report = _command(commands, "report", "measure folders of checkpoints; write HTML, PDF, JSON and CSV")
    report.epilog = f"{report.epilog}\n\n{EXIT_CODES}"
    _report(report)
    _inspect(_command(commands, "inspect", "measure one checkpoint and print its numbers"))
    _diff(_command(commands, "diff", "compare two checkpoints, or two report.json, tensor by tensor"))
    _scan(_command(commands, "scan", "list checkpoints and everything else in a folder; reads no weights"))
    verify = _command(commands, "verify", "check the integrity of every checkpoint in a folder; measures nothing")
    verify.description = """Reads every checkpoint once and checks every checksum that its format has.
Exit code 0 if all are sound, 4 if some are not, those that are being written included;
what was deleted meanwhile does not count."""
    _verify(verify)
    _cache(_command(commands, "cache", "what earlier runs measured: how much it is, and delete it"))
    _config(_command(commands, "config", "print all settings and where they come from"))
    _setting_up(commands)
    return whole


def _command(commands: Any, name: str, what: str) -> Parser:
    """A command whose help begins with what the list of commands says of it, and ends with examples."""
    made: Parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    made.epilog = examples(name)
    return made


def _setting_up(commands: Any) -> None:
    warm_up = _command(commands, "warm-up", "compile all kernels now, as when the image of a container is built")
    warm_up.set_defaults(command=warming.warm_up)
    doctor = _command(commands, "doctor", "what this installation lacks, and the line that mends it")
    _settings(doctor, "out")
    doctor.set_defaults(command=warming.doctor, out=Path("reports"))
    complete = _command(commands, "completion", "print a script by which a shell completes commands, flags and files")
    complete.add_argument("shell", choices=completion.SHELLS, help="the shell that runs the script")
    complete.set_defaults(command=completion.command(parser, _path))


def _report(report: argparse.ArgumentParser) -> None:
    report.add_argument("folders", nargs="+", type=_path, metavar="DIR", help="folder with checkpoints")
    _settings(report, "out", "title", "note", "logo", "accent", "templates", "fail-on", "max-age")
    _settings(report, "pdf", "paper", "plots-folder", "keep-last", "keep-days", "cache")
    report.add_argument("--no-cache", action="store_true", help="measure everything anew, and keep nothing")
    _settings(report, "scheduler", "history", "baseline", "metrics", "find-metrics", "deployment", "spectral")
    _judging(report)
    _measuring(report)
    _settings(report, "junit", "github-summary", "prom-textfile", "notify", "notify-always", "log-format")
    loudness = report.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="print nothing unless the exit code is not 0")
    loudness.add_argument("-v", "--verbose", action="store_true", help="a line for each checkpoint and each stage")
    report.add_argument("--open", action="store_true", help="open the report in the browser")
    report.set_defaults(command=reporting.report)


def _inspect(inspect: argparse.ArgumentParser) -> None:
    inspect.add_argument("path", type=_path, metavar="PATH", help="file, folder, or prefix of a TensorFlow checkpoint")
    inspect.add_argument("--json", action="store_true", help="one JSON object")
    _measuring(inspect)
    inspect.set_defaults(command=run.inspect)


def _diff(diff: argparse.ArgumentParser) -> None:
    diff.add_argument("before", type=_path, metavar="A", help="file, folder, prefix, or report.json")
    diff.add_argument("after", type=_path, metavar="B", help="what it is compared with")
    diff.add_argument("--json", action="store_true", help="one JSON object")
    _setting(
        diff,
        "fail-on",
        "exit code 3: fail if B holds NaN or infinite values (default), warn also if A does, tensors came, "
        "went or changed their form, or the norm of a kernel grew or shrank tenfold, none never",
    )
    diff.add_argument("--html", type=_path, metavar="FILE", help="also write one self-contained page")
    _setting(diff, "variables", "what the whole speaks of (default: model)")
    _setting(diff, "spectral", "also count the directions of each matrix's change: few where an adapter was merged")
    _settings(diff, "settle")
    diff.set_defaults(command=run.diff)


def _scan(scan: argparse.ArgumentParser) -> None:
    scan.add_argument("folders", nargs="+", type=_path, metavar="DIR")
    scan.add_argument("--json", action="store_true", help="one JSON object")
    _settings(scan, "settle")
    scan.set_defaults(command=run.scan)


def _verify(verify: argparse.ArgumentParser) -> None:
    verify.add_argument("folders", nargs="+", type=_path, metavar="DIR")
    verify.add_argument("--json", action="store_true", help="one JSON object")
    _settings(verify, "settle")
    verify.set_defaults(command=run.verify)


def _cache(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    info = actions.add_parser("info", help="where it is, and how much of what is in it")
    prune = actions.add_parser("prune", help="delete what was not used for a while, or everything")
    which = prune.add_mutually_exclusive_group()
    which.add_argument("--older-than", type=float, default=30.0, metavar="DAYS", help="not used since (default: 30)")
    which.add_argument("--all", action="store_true", help="everything")
    for action in (info, prune):
        _setting(action, "cache", "default: the user's cache folder")
    info.set_defaults(command=cache_commands.cache_info)
    prune.set_defaults(command=cache_commands.cache_prune)


def _config(config: argparse.ArgumentParser) -> None:
    config.add_argument("what", choices=("show",), help="as a ckpt-report.toml")
    _judging(config)
    config.set_defaults(command=run.config)


def _path(text: str) -> Path:
    """A file or folder. An empty text, mostly of a variable that is not set, would be the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    if why := no_place(text):
        raise argparse.ArgumentTypeError(why)
    return Path(text)


def _judging(parser: argparse.ArgumentParser) -> None:
    _settings(parser, "accept", "rule-files")
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
    _settings(parser, "variables", "bins", "quantiles", "threads", "settle")


def _settings(parser: argparse.ArgumentParser, *keys: str) -> None:
    """Flags of some settings, with the help that they were declared with."""
    for key in keys:
        _setting(parser, key)


def _setting(parser: argparse.ArgumentParser, key: str, help_: str = "") -> None:
    """The flag of a setting.

    Args:
        key: the setting, as files call it.
        help_: in place of the help that it was declared with, where it means something more special here.
    """
    option = BY_KEY[key]
    flag = option.setting.flag
    assert flag is not None, key
    parser.add_argument(*option.flags, dest=option.field, help=help_ or flag.help, **_value(option))


def _value(option: Option) -> dict[str, Any]:
    """What follows the flag: nothing where it says yes or no, else a value, for which a default is never filled in."""
    setting = option.setting
    if isinstance(option.default, bool):
        if all(name.startswith("--no-") for name in option.flags):
            return {"action": "store_false", "default": None}
        if option.default:
            return {"action": argparse.BooleanOptionalAction}
        return {"action": "store_true", "default": None}
    if setting.choices:
        return {"choices": setting.choices}
    metavar = {"metavar": setting.flag.metavar} if setting.flag and setting.flag.metavar else {}
    if setting.parse is paths:
        return {"type": _path, "action": "append", **metavar}
    return {"type": _TYPES.get(setting.parse, str), **metavar}


_TYPES: dict[Any, Callable[[str], Any]] = {path: _path, whole: int, number: float}
"""How argparse reads the value of a flag, so that its own message names the flag where that fails."""
