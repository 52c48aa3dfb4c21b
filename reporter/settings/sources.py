"""Where settings come from: flags, CKPT_REPORT_* variables, ckpt-report.toml, pyproject.toml, defaults."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reporter.errors import SettingError
from reporter.settings import trust
from reporter.settings.model import Settings, parse_quantiles

if TYPE_CHECKING:
    pass

FILE, PROJECT, TABLE, ACCEPT, PREFIX = (
    "ckpt-report.toml",
    "pyproject.toml",
    "ckpt-report",
    "accept.toml",
    "CKPT_REPORT_",
)
SEVERITIES = ("off", "info", "warn", "fail")


@dataclass(frozen=True, slots=True)
class Option:
    """A setting.

    Attributes:
        name: in files and flags; a variable of the environment has ``_`` for ``-``, and capitals.
        field: of :class:`Settings`.
        parse: from what a file or a text holds; raises ValueError.
        is_path: relative to the file that it stands in.
    """

    name: str
    field: str
    parse: Callable[[Any], Any]
    is_path: bool = False


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("has to be text")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("has to be a whole number")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("has to be a number")
    return float(value)


def _flag(value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, str):
        value = words.get(value.lower(), value)
    if not isinstance(value, bool):
        raise ValueError("has to be true or false")
    return value


def _probabilities(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        return parse_quantiles(value)
    if not isinstance(value, list | tuple):
        raise ValueError("has to be a list of probabilities")
    return tuple(_number(p) for p in value)


def _path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if not _text(value):
        raise ValueError("has to be a path: it is empty")
    return Path(value)


def _paths(value: Any) -> tuple[Path, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("has to be a list of paths")
    return tuple(_path(part) for part in parts)


OPTIONS: tuple[Option, ...] = (
    Option("out", "out", _path, is_path=True),
    Option("title", "title", _text),
    Option("variables", "variables", _text),
    Option("bins", "bins", _whole),
    Option("quantiles", "quantiles", _probabilities),
    Option("settle", "settle", _number),
    Option("fail-on", "fail_on", _text),
    Option("pdf", "pdf", _flag),
    Option("threads", "threads", _whole),
    Option("cache", "cache", _path, is_path=True),
    Option("history", "history", _flag),
    Option("baseline", "baseline", _path, is_path=True),
    Option("deployment", "deployment", _text),
    Option("spectral", "spectral", _flag),
    Option("accept", "accept", _path, is_path=True),
    Option("rule-files", "rule_files", _paths, is_path=True),
)
"""Every setting but ``[rules.<name>]``, in the order of ``config show``."""

_EXECUTED, _WRITTEN = ("rule-files",), ("out", "cache")
"""Settings that have files executed and folders written to, which :mod:`reporter.settings.trust` looks at."""

_BY_NAME = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a run, and where each of them comes from.

    Attributes:
        sources: name of a setting, or ``rules.<rule>.<key>``, -> where its value comes from.
        ignored: what a file in the working folder said and must not, a sentence each.
    """

    settings: Settings
    sources: Mapping[str, str]
    ignored: tuple[str, ...] = ()


def load(
    flags: Mapping[str, Any],
    assignments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    file: Path | None = None,
) -> Config:
    """Settings from everywhere.

    Args:
        flags: setting -> value, of the flags that were given.
        assignments: ``key=value`` of each ``--set``.
        environment: variables; those that begin with ``CKPT_REPORT_`` count.
        folder: where ``ckpt-report.toml`` and ``pyproject.toml`` are looked for. It may be somebody else's, such as
            that of an unpacked archive: what these two say must not execute anything, nor write outside.
        file: instead of both, and of the user's own.

    Raises:
        SettingError: naming the place, the key, and the nearest key there is.
    """
    values: dict[str, Any] = {}
    rules: dict[str, dict[str, Any]] = {}
    sources: dict[str, str] = {}
    ignored: list[str] = []
    files = _files(folder, file)
    own = trust.user_file(environment) if file is None else None
    if own is not None:
        try:
            if stat.S_ISREG(own.stat().st_mode):
                _merge(str(own), _read(own), own.parent, values, rules, sources)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:  # as of a home that is closed to this user
            ignored.append(f"{own}, if there is such a file, is ignored: {error.strerror or error}")
    for path, table in files:
        if file is None:
            refused = trust.refused(table, path.parent, _EXECUTED, _WRITTEN)
            ignored += [f"{path.name}: {name} is ignored: {why}" for name, why in refused.items()]
            table = {name: value for name, value in table.items() if name not in refused}
        _merge(path.name if file is None else str(path), table, path.parent, values, rules, sources)
    for variable, text in sorted(environment.items()):
        if variable.startswith(PREFIX) and text:  # an empty one is as good as none, as the shell's own are
            name = variable.removeprefix(PREFIX).lower().replace("_", "-")
            _merge(variable, {name: text}, None, values, rules, sources)
    for assignment in assignments:
        _merge(f"--set {assignment}", _assigned(assignment), None, values, rules, sources)
    for name, value in flags.items():
        _merge(f"--{name}", {name: value}, None, values, rules, sources)
    if "accept" not in values:
        beside = (files[-1][0].parent if files else folder) / ACCEPT
        if os.path.isfile(beside):  # noqa: PTH113 (False, not an error, where the folder cannot be looked into)
            values["accept"], sources["accept"] = beside, f"{ACCEPT} beside the settings"
    fields = {_BY_NAME[name].field: value for name, value in values.items()}
    return Config(replace(Settings(), **fields, rules=rules), sources, tuple(ignored))


def _files(folder: Path, file: Path | None) -> list[tuple[Path, dict[str, Any]]]:
    """Files that hold settings, weakest first."""
    if file is not None:
        table = _read(file)
        return [(file, _tool(table) if file.name == PROJECT else table)]
    found = []
    if os.path.isfile(folder / PROJECT):  # noqa: PTH113 (as above)
        table = _tool(_read(folder / PROJECT))
        if table:
            found.append((folder / PROJECT, table))
    if os.path.isfile(folder / FILE):  # noqa: PTH113
        found.append((folder / FILE, _read(folder / FILE)))
    return found


def _tool(table: dict[str, Any]) -> dict[str, Any]:
    tool = table.get("tool", {})
    own = tool.get(TABLE, {}) if isinstance(tool, dict) else {}
    return own if isinstance(own, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror}); give --config a TOML file") from error
    except (ValueError, RecursionError) as error:  # RecursionError: nested a thousand times
        raise SettingError(f"{path}: is no TOML: {error}") from error


def _assigned(assignment: str) -> dict[str, Any]:
    key, equals, text = assignment.partition("=")
    if not equals or not key.strip():
        raise SettingError(f"--set {assignment}: write it as key=value, such as rules.frozen.severity=info")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    table: Any = value
    for part in reversed(key.strip().split(".")):
        table = {part: table}
    return dict(table)


def _merge(
    where: str,
    table: Mapping[str, Any],
    base: Path | None,
    values: dict[str, Any],
    rules: dict[str, dict[str, Any]],
    sources: dict[str, str],
) -> None:
    """Take in the settings of one place, which win over those taken in before."""
    for name, value in table.items():
        if name == "rules":
            if not isinstance(value, Mapping) or not all(isinstance(v, Mapping) for v in value.values()):
                raise SettingError(f"{where}: rules has to be tables such as [rules.frozen]; files go into rule-files")
            for rule, keys in value.items():
                rules.setdefault(rule, {}).update(keys)
                sources.update({f"rules.{rule}.{key}": where for key in keys})
            continue
        option = _BY_NAME.get(name)
        if option is None:
            raise SettingError(f"{where}: there is no setting {name!r}{nearest(name, [*_BY_NAME, 'rules'])}")
        try:
            parsed = option.parse(value)
        except ValueError as error:
            reason = str(error) if "has to be" in str(error) else f"{value!r} is not of its kind"
            raise SettingError(f"{where}: {name} {reason}") from error
        if option.is_path and base is not None:
            parsed = tuple(base / p for p in parsed) if isinstance(parsed, tuple) else base / parsed
        values[name], sources[name] = parsed, where


def nearest(name: str, known: Sequence[str]) -> str:
    """What to write instead.

    >>> nearest("fail_on", ["fail-on", "bins"])
    '; did you mean fail-on?'
    >>> nearest("x", ["fail-on", "bins"])
    '; there are fail-on, bins'
    """
    close = difflib.get_close_matches(name.replace("_", "-"), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


def _plain(text: str) -> str:
    """On one line, as it may stand in a comment on a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split()))
