"""``config show``: all settings as TOML, each with the place that it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reporter.rules.policy import policy
from reporter.settings.options import OPTIONS
from reporter.settings.setting import duration, with_unit
from reporter.settings.sources import Config


def shown(config: Config) -> str:
    """All settings as TOML, each with where it comes from; what is printed can be used as a ckpt-report.toml.

    Raises:
        SettingError: as :func:`reporter.rules.policy.policy`.
    """
    judging = policy(config.settings, None)
    lines = [f"# {_plain(sentence)}" for sentence in config.ignored]
    for option in OPTIONS:
        value = getattr(config.settings, option.field)
        if option.setting.parse is duration and value:
            value = with_unit(value)
        if option.setting.secret and value:
            lines.append(f"# {option.key} is set; it may hold a secret, and is not shown")
        elif value is not None:
            lines.append(f"{option.key} = {_toml(value)}  # {_source(config, option.key)}")
    for rule in judging.rules:
        lines += ["", f"[rules.{rule.name}]"]
        given = config.settings.rules.get(rule.name, {})
        meanings = {"severity": "of its warnings and failures", "threshold": rule.formula}
        meanings |= {limit.name: limit.meaning for limit in rule.limits}
        for key, default in {"severity": None, **rule.defaults}.items():
            if key in given or default is not None:
                source = _source(config, f"rules.{rule.name}.{key}")
                lines.append(f"{key} = {_toml(given.get(key, default))}  # {source}: {' '.join(meanings[key].split())}")
    return "\n".join(lines)


def _source(config: Config, name: str) -> str:
    return _plain(config.sources.get(name, "default"))


def _plain(text: str) -> str:
    """Text on one line, with what a terminal would obey written as escapes, so that it can stand in a comment."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split()))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, str | Path):
        escaped = "".join(
            f"\\U{ord(c):08x}" if not c.isprintable() else "\\" + c if c in '"\\' else c for c in str(value)
        )
        return f'"{escaped}"'
    return repr(value)
