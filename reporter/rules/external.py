"""Rules of the user's own: from a file given with ``--rules``, or from an installed package's entry points.

This runs the user's own code, as an import does. Nothing is ever taken from a checkpoint or from beside one.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

from reporter.errors import SettingError
from reporter.rules.base import Rule

GROUP = "ckpt_report.rules"
"""Entry points of this group name a :class:`Rule`, or a tuple of them."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def with_external(rules: tuple[Rule, ...], files: Iterable[Path]) -> tuple[Rule, ...]:
    """The built-in rules, then those of installed packages by name of their entry point, then those of the files.

    Raises:
        SettingError: a file or package cannot be loaded, holds no rule, or one whose name is taken.
    """
    result = list(rules)
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        where = f"entry point {GROUP}: {point.name} = {point.value}"
        try:
            loaded = point.load()
        except Exception as error:
            raise SettingError(f"{where}: cannot be loaded: {type(error).__name__}: {error}") from error
        _add(result, loaded if isinstance(loaded, tuple | list) else (loaded,), where)
    for path in files:
        _add(result, _of_file(path), str(path))
    return tuple(result)


def _of_file(path: Path) -> list[object]:
    spec = importlib.util.spec_from_file_location(f"ckpt_report_rules_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SettingError(f"{path}: is no Python file; give --rules a file such as my_rules.py")
    module = importlib.util.module_from_spec(spec)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # a folder of the user's is left as it is
    try:
        spec.loader.exec_module(module)
    except Exception as error:
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
        if not _NAME.fullmatch(rule.name):
            raise SettingError(f"{where}: the name {rule.name!r} has to be words joined by hyphens, such as big-bias")
        if any(rule.name == other.name for other in rules):
            raise SettingError(f"{where}: there already is a rule {rule.name}; give it another name")
        rules.append(rule)
