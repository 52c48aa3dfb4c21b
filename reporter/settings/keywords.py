"""Settings given as keywords of a Python call: the same as in files, under the names of the fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reporter.errors import SettingError
from reporter.settings.model import Settings
from reporter.settings.options import OPTIONS
from reporter.settings.setting import WrongKind
from reporter.settings.sources import load, near

_BY_FIELD = {option.field: option for option in OPTIONS}

NAMES: tuple[str, ...] = (*(option.field for option in OPTIONS), "rules")
"""Every setting, as Python calls it."""


def from_keywords(given: Mapping[str, Any], config: Path | None = None) -> Settings:
    """The settings of a run, checked.

    No variable of the environment counts, nor a file that happens to lie in the working folder: a function does what
    its arguments say.

    Args:
        given: name -> value, either of its type or as a file has it (``"26h"``); None for a setting whose default is.
        config: a ckpt-report.toml or pyproject.toml with the settings that are not given.

    Raises:
        SettingError: naming the setting and what it may be, or the nearest name there is.

    >>> from_keywords({"fail_on": "warn", "max_age": "26h"}).max_age
    93600.0
    >>> from_keywords({"fail_onn": "warn"})
    Traceback (most recent call last):
        ...
    reporter.errors.SettingError: there is no setting 'fail_onn'; did you mean fail_on?
    """
    start = load({}, (), {}, Path(), config).settings if config else Settings()
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in NAMES:
            raise SettingError(f"there is no setting {name!r}{near(name, NAMES)}")
        values[name] = _rules(value) if name == "rules" else _parsed(name, value)
    return replace(start, **values)


def _parsed(name: str, value: Any) -> Any:
    option = _BY_FIELD[name]
    if value is None and option.default is None:
        return None
    assert option.setting.parse is not None, name
    try:
        return option.setting.parse(value)
    except SettingError:
        raise
    except WrongKind as error:
        raise SettingError(f"{name} {error}") from error
    except ValueError as error:
        raise SettingError(f"{name}: {value!r} is not of its kind") from error


def _rules(value: Any) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, Mapping) or not all(isinstance(keys, Mapping) for keys in value.values()):
        raise SettingError('rules has to be a mapping such as {"frozen": {"severity": "info"}}')
    return {rule: dict(keys) for rule, keys in value.items()}
