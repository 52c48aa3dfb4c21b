"""The policy of a run: its rules, with the limits and severities that the settings give them."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING

from reporter.errors import SettingError
from reporter.settings.model import Settings
from reporter.settings.setting import number
from reporter.settings.sources import nearest

if TYPE_CHECKING:
    from reporter.rules.judging import Policy

SEVERITIES = ("off", "info", "warn", "fail")
"""Values of ``[rules.<name>] severity``."""


def policy(settings: Settings, today: date | None, now: datetime | None = None) -> Policy:
    """What the settings say about judging; acceptances expire after ``today``, checkpoints age until ``now``, or never.

    Raises:
        SettingError: an unknown rule or key, a value that is no number, a rule file or accept.toml that cannot be used.
    """
    from reporter.rules import RULES
    from reporter.rules.acceptance import read_acceptances
    from reporter.rules.external import with_external
    from reporter.rules.judging import Policy
    from reporter.rules.stale import HOUR, STALE

    rules = with_external(RULES, settings.rule_files)
    by_name = {rule.name: rule for rule in (*rules, STALE)}
    limits: dict[str, dict[str, float]] = {}
    if settings.max_age:
        rules = (*rules, STALE)
        limits[STALE.name] = {"threshold": settings.max_age / HOUR}
    severities: dict[str, str] = {}
    for name, keys in settings.rules.items():
        if name not in by_name:
            raise SettingError(f"rules: there is no rule {name!r}{nearest(name, list(by_name))}")
        known = ["severity", *by_name[name].defaults]
        for key, value in keys.items():
            if key not in known:
                raise SettingError(f"rules.{name}: there is no key {key!r}{nearest(key, known)}")
            if key == "severity":
                if value not in SEVERITIES:
                    raise SettingError(f"rules.{name}.severity: {value!r} is not one of {', '.join(SEVERITIES)}")
                severities[name] = value
                continue
            try:
                limit = number(value)
            except ValueError:
                limit = math.nan
            if not math.isfinite(limit):
                raise SettingError(f"rules.{name}.{key}: {value!r} is not a number")
            limits.setdefault(name, {})[key] = limit
    acceptances = read_acceptances(settings.accept, list(by_name)) if settings.accept else ()
    return Policy(rules, limits, severities, acceptances, today, now)
