"""Rules of the user's own: from a file given with ``--rules``, or from an installed package's entry points.

This runs the user's own code, as an import does. Nothing is ever taken from a checkpoint or from beside one.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from numbers import Integral, Real
from pathlib import Path

from reporter.errors import ReportError, SettingError
from reporter.installed import Group, installed
from reporter.rules.base import Check, Limit, Limits, Rule, Severity
from reporter.rules.timeline import Timeline


class UnusableRule(Exception):
    """What a rule of the user's gives back cannot be used; the message says what it is."""


_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def with_external(rules: tuple[Rule, ...], files: Iterable[Path]) -> tuple[Rule, ...]:
    """The built-in rules, then those of installed packages by name of their entry point, then those of the files.

    Raises:
        SettingError: a file or package cannot be loaded, holds no rule, or one whose name is taken.
    """
    result = list(rules)
    for where, _, thing in installed(Group.RULES):
        _add(result, (thing,), where)
    for path in files:
        _add(result, _of_file(path), str(path))
    return tuple(result)


def _of_file(path: Path) -> list[object]:
    spec = importlib.util.spec_from_file_location(f"ckpt_report_rules_{path.stem}", path)
    if spec is None or spec.loader is None or not os.path.isfile(path):  # noqa: PTH113 (no error where its folder is closed)
        raise SettingError(f"{path}: is no Python file; give --rules a file such as my_rules.py")
    module = importlib.util.module_from_spec(spec)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # a folder of the user's is left as it is
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise SettingError(f"{path}: cannot be run: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = writes
    return [value for value in vars(module).values() if isinstance(value, Rule)]


def _add(rules: list[Rule], found: Iterable[object], where: str) -> None:
    found = list(found)
    if not found:
        raise SettingError(f"{where}: holds no rule; assign a reporter.rules.base.Rule to a name in it")
    for rule in found:
        if not isinstance(rule, Rule):
            raise SettingError(f"{where}: {type(rule).__name__} is no reporter.rules.base.Rule")
        if not isinstance(rule.name, str) or not _NAME.fullmatch(rule.name):
            raise SettingError(f"{where}: the name {rule.name!r} has to be words joined by hyphens, such as big-bias")
        _require_plain(rule, where)
        if any(rule.name == other.name for other in rules):
            raise SettingError(f"{where}: there already is a rule {rule.name}; give it another name")
        rules.append(replace(rule, check=_validated(rule)))


def _require_plain(rule: Rule, where: str) -> None:
    """Fields that are printed have to be text, limits numbers; Python itself checks none of it."""
    texts = (rule.title, rule.formula, rule.source, rule.many, rule.noun, rule.meaning, rule.next_step, rule.evidence)
    limits = [limit.default for limit in rule.limits if isinstance(limit, Limit)]
    numbers = [*limits, *([] if rule.threshold is None else [rule.threshold])]
    if not all(isinstance(text, str) for text in (*texts, *rule.covers)):
        raise SettingError(f"{where}: {rule.name}: title, formula, source and the like have to be text")
    if len(limits) != len(rule.limits) or not all(isinstance(number, Real) for number in numbers):
        raise SettingError(f"{where}: {rule.name}: the threshold has to be a number or None, limits a tuple of Limit")
    if not callable(rule.check):
        raise SettingError(f"{where}: {rule.name}: check has to be a function of timeline and limits")


def _validated(rule: Rule) -> Callable[[Timeline, Limits], Iterator[Check]]:
    """The rule's check, of which every answer is looked at where it is given: it may hold anything."""

    def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
        try:
            for answer in rule.check(timeline, limits):
                yield _usable(answer, len(timeline.series.refs))
        except SystemExit as error:
            raise UnusableRule("it calls sys.exit") from error
        except (ReportError, UnusableRule):
            raise
        except Exception as error:
            raise UnusableRule(f"{type(error).__name__}: {error}{_line(error)}") from error

    return check


def _line(error: Exception) -> str:
    """The line of the rule's own file at which it failed, which its author would otherwise have to guess."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the frame that caught it
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _usable(answer: object, checkpoints: int) -> Check:
    """A check with plain numbers, for numpy's would not go into JSON.

    Raises:
        UnusableRule: it is none, or one of its fields is of another kind.
    """
    if not isinstance(answer, Check):
        raise UnusableRule(f"it yields {type(answer).__name__}, not a Check")
    given = {field.name: getattr(answer, field.name) for field in fields(Check)}
    for name in ("value", "excess", "previous"):
        given[name] = _number(name, given[name], optional=name != "excess")
    for name in ("layer", "tensor", "message", "group", "limit"):
        if not isinstance(given[name], str):
            raise UnusableRule(f"{name} is {given[name]!r:.80}, not text")
    if not isinstance(given["severity"], Severity | None):
        raise UnusableRule(f"severity is {given['severity']!r:.80}, not a Severity or None")
    given["place"] = _place("place", given["place"], checkpoints)
    if given["good"] is not None:
        given["good"] = _place("good", given["good"], checkpoints)
    tensors = given["tensors"]
    if not isinstance(tensors, tuple | list) or not all(isinstance(name, str) for name in tensors):
        raise UnusableRule(f"tensors is {tensors!r:.80}, not a tuple of names")
    parameters = _number("parameters", given["parameters"], optional=False)
    if parameters is None or not 0 <= parameters < math.inf:
        raise UnusableRule(f"parameters is {given['parameters']!r:.80}, not a number of values")
    return replace(answer, **given | {"tensors": tuple(tensors), "parameters": int(parameters)})


def _number(name: str, given: object, *, optional: bool) -> float | None:
    if given is None and optional:
        return None
    if not isinstance(given, Real):
        raise UnusableRule(f"{name} is {given!r:.80}, not a number")
    return float(given)


def _place(name: str, given: object, checkpoints: int) -> int:
    if not isinstance(given, Integral) or not 0 <= int(given) < checkpoints:
        raise UnusableRule(f"{name} is {given!r:.80}, not the index of one of {checkpoints} checkpoints")
    return int(given)
