"""Where settings come from: flags, CKPT_REPORT_* variables, ckpt-report.toml, pyproject.toml, defaults."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.places import address
from reporter.settings import trust
from reporter.settings.model import Settings
from reporter.settings.options import BY_KEY, OPTIONS
from reporter.settings.setting import Reach, WrongKind

FILE = "ckpt-report.toml"
PROJECT = "pyproject.toml"
TABLE = "ckpt-report"
"""The table in ``[tool]`` of a pyproject.toml."""

ACCEPT = "accept.toml"
PREFIX = "CKPT_REPORT_"
"""Of environment variables."""

_EXECUTED, _WRITTEN, _SENT = (
    tuple(option.key for option in OPTIONS if option.setting.reach is reach)
    for reach in (Reach.EXECUTE, Reach.WRITE, Reach.SEND)
)


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
            refused = trust.refused(table, path.parent, _EXECUTED, _WRITTEN, _SENT)
            ignored += [f"{path.name}: {name} is ignored: {why}" for name, why in refused.items()]
            table = {name: value for name, value in table.items() if name not in refused}
        _merge(path.name if file is None else str(path), table, path.parent, values, rules, sources)
    for variable, text in sorted(environment.items()):
        if variable.startswith(PREFIX) and text:  # an empty one is as good as none, as the shell's own are
            name = variable.removeprefix(PREFIX).lower().replace("_", "-")
            _merge(variable, {name: text}, None, values, rules, sources)
    for assignment in assignments:
        _merge(f"--set {_open(assignment)}", _assigned(assignment), None, values, rules, sources)
    for name, value in flags.items():
        _merge(f"--{name}", {name: value}, None, values, rules, sources)
    if "accept" not in values:
        beside = (files[-1][0].parent if files else folder) / ACCEPT
        if os.path.isfile(beside):  # noqa: PTH113 (False, not an error, where the folder cannot be looked into)
            values["accept"], sources["accept"] = beside, f"{ACCEPT} beside the settings"
    fields = {BY_KEY[key].field: value for key, value in values.items()}
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
    import tomllib

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
        import tomllib

        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    table: Any = value
    for part in reversed(key.strip().split(".")):
        table = {part: table}
    return dict(table)


def _open(assignment: str) -> str:
    """An assignment as it may be printed: without a value that is secret, or would be but for a slip in its key."""
    key = assignment.partition("=")[0].strip()
    known = BY_KEY.get(key)
    return assignment if key.startswith("rules.") or (known and not known.setting.secret) else key


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
        option = BY_KEY.get(name)
        if option is None or option.setting.parse is None:
            raise SettingError(f"{where}: there is no setting {name!r}{nearest(name, [*BY_KEY, 'rules'])}")
        try:
            parsed = option.setting.parse(value)
        except WrongKind as error:
            raise SettingError(f"{where}: {name} {error}") from error
        except ValueError as error:
            raise SettingError(f"{where}: {name} {value!r} is not of its kind") from error
        if option.setting.is_path and base is not None:
            parsed = tuple(_from(base, p) for p in parsed) if isinstance(parsed, tuple) else _from(base, parsed)
        values[name], sources[name] = parsed, where


def _from(base: Path, path: Path) -> Path:
    """A path that stands in a file of this folder; an address is whole by itself."""
    return path if address(path) else base / path


def nearest(name: str, known: Sequence[str]) -> str:
    """What to write instead.

    >>> nearest("fail_on", ["fail-on", "bins"])
    '; did you mean fail-on?'
    >>> nearest("x", ["fail-on", "bins"])
    '; there are fail-on, bins'
    """
    return near(name.replace("_", "-"), known) or f"; there are {', '.join(known)}"


def near(name: str, known: Iterable[str]) -> str:
    """What to write instead, if anything is like it.

    >>> near("kernal", ["dense/kernel", "kernel"]), near("x", ["kernel"])
    ('; did you mean kernel?', '')
    """
    import difflib  # for slips alone

    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
