"""What is derived from the declared settings: their options, and how the report tells them."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from reporter.frozen import dataclass
from reporter.settings.model import Settings
from reporter.settings.setting import Setting, key_of, setting_of


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that has a key in files, a variable and a flag.

    Attributes:
        key: in files and flags.
        field: of :class:`Settings`.
        default: the value where nobody gives one.
    """

    key: str
    field: str
    default: Any
    setting: Setting

    @property
    def flags(self) -> tuple[str, ...]:
        """The names of its flag on the command line."""
        given = self.setting.flag.names if self.setting.flag else ()
        return given or (f"--{self.key}",)


def _options() -> tuple[Option, ...]:
    found = [Option(key_of(f), f.name, f.default, setting_of(f)) for f in fields(Settings) if setting_of(f).parse]
    return tuple(sorted(found, key=lambda option: option.setting.judging))


OPTIONS: tuple[Option, ...] = _options()
"""Every setting but ``[rules.<name>]``, in the order of ``config show``: as declared, those about judging last."""

BY_KEY = {option.key: option for option in OPTIONS}
"""The same by what files call them."""


def described(settings: Settings) -> dict[str, str]:
    """Label -> text of every setting that findings or numbers depend on, as the report tells them.

    >>> list(described(Settings(fail_on="warn")).items())[5:8]
    [('fail-on', 'warn'), ('accepted findings', 'none'), ("rules of the user's own", 'none')]
    """
    always: dict[str, str] = {}
    changed: dict[str, str] = {}
    for field in fields(settings):
        line, value = setting_of(field).line, getattr(settings, field.name)
        if line is not None and not line.if_changed:
            always[line.label] = line.text(value)
        elif line is not None and value != field.default:
            changed[line.label] = line.text(value)
    return always | changed


def default_cache() -> Path | None:
    """``$CKPT_REPORT_CACHE``, else a folder in the user's cache folder; None where the user has no home.

    Source: XDG Base Directory Specification, which wants relative paths ignored.
    """
    if chosen := os.environ.get("CKPT_REPORT_CACHE"):
        return Path(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "ckpt-report"
    except RuntimeError:
        return None
