"""What the rules say of checkpoints in a folder, which are read as in a run; without pictures and pages."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from reporter.cache import Cache
from reporter.gather.all_series import gather_all
from reporter.gather.catalog import scan
from reporter.model.finding import Finding, Judgement
from reporter.rules import RULES
from reporter.rules.judging import Policy, judge
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress


def judgement(folder: Path) -> Judgement:
    """All rules over everything in a folder."""
    settings, cache = Settings(roots=(folder,), settle=0.0), Cache(None)
    series, account = gather_all(scan(settings, cache), settings, cache, Progress(quiet=True), lambda _: nullcontext())
    assert not account.failed
    return judge(series, Policy(RULES))


def of_rule(folder: Path, rule: str) -> list[Finding]:
    """The findings of one rule."""
    return [finding for finding in judgement(folder).findings if finding.rule.name == rule]
