"""Reviewed findings that are accepted: ``accept.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from reporter.errors import SettingError
from reporter.frozen import dataclass

EXAMPLE = '[[accept]]\nrule = "frozen"\ntensor = "backbone/*"\nreason = "…"\nuntil = 2027-01-31'

_KEYS = ("rule", "tensor", "series", "reason", "until")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One entry.

    Attributes:
        rule: name of the rule.
        tensor: shell pattern over tensor names; ``*`` also takes findings that are about no tensor in particular.
        reason: why it is acceptable, in the reviewer's words.
        until: the last day on which it counts.
        series: shell pattern over series names.
    """

    rule: str
    tensor: str
    reason: str
    until: date
    series: str = "*"

    def __str__(self) -> str:
        return f"rule {self.rule}, tensor {self.tensor} (until {self.until})"

    def takes(self, series: str, rule: str, tensors: Sequence[str]) -> bool:
        """Whether it speaks of a check; of one about several tensors it has to match all."""
        return (
            rule == self.rule
            and fnmatchcase(series, self.series)
            and (self.tensor == "*" or (bool(tensors) and all(fnmatchcase(name, self.tensor) for name in tensors)))
        )


def matching(
    acceptances: Sequence[Acceptance], series: str, rule: str, tensors: Sequence[str], today: date | None
) -> tuple[int | None, bool]:
    """Index of the entry that takes a check, one in force before an expired one, and whether it has expired."""
    expired = None
    for at, entry in enumerate(acceptances):
        if entry.takes(series, rule, tensors):
            if today is None or entry.until >= today:
                return at, False
            expired = at if expired is None else expired
    return expired, expired is not None


def read_acceptances(path: Path, rules: Sequence[str]) -> tuple[Acceptance, ...]:
    """The entries of a file.

    Args:
        rules: names of the rules there are.

    Raises:
        SettingError: the file cannot be read, or an entry lacks something or names no rule.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror}); give the path of an accept.toml") from error
    except (ValueError, RecursionError) as error:  # RecursionError: nested a thousand times
        raise SettingError(f"{path}: is no TOML: {error}") from error
    entries = data.get("accept", [])
    unknown = sorted(set(data) - {"accept"})
    if unknown or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise SettingError(f"{path}: expected a list of entries such as\n{EXAMPLE}")
    return tuple(_entry(path, at, entry, rules) for at, entry in enumerate(entries, 1))


def _entry(path: Path, at: int, entry: dict[str, Any], rules: Sequence[str]) -> Acceptance:
    where = f"{path}: entry {at}"
    for key in entry:
        if key not in _KEYS:
            raise SettingError(f"{where}: {key!r} is not one of {', '.join(_KEYS)}")
    for key in ("rule", "tensor", "reason", "until"):
        if key not in entry:
            raise SettingError(f"{where}: {key} is missing; an entry is\n{EXAMPLE}")
    for key in ("rule", "tensor", "series", "reason"):
        if not isinstance(entry.get(key, ""), str) or not entry.get(key, "*").strip():
            raise SettingError(f"{where}: {key} has to be text, and not empty")
    until = entry["until"]
    if isinstance(until, str):
        try:
            until = date.fromisoformat(until)
        except ValueError:
            until = None
    if isinstance(until, datetime):
        until = until.date()
    if not isinstance(until, date):
        raise SettingError(f"{where}: until: {entry['until']!r} is no date such as 2027-01-31")
    if entry["rule"] not in rules:
        raise SettingError(f"{where}: {entry['rule']!r} is no rule; there are {', '.join(rules)}")
    return Acceptance(entry["rule"], entry["tensor"], entry["reason"], until, entry.get("series", "*"))
