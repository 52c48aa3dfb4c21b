"""Settings of a run: one frozen dataclass, checked once."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reporter.errors import SettingError

VARIABLES: tuple[str, ...] = ("trainable", "model", "all")
FAIL_ON: tuple[str, ...] = ("fail", "warn", "none", "never")
"""``never`` is an older word for ``none``."""
DEPLOYMENT: tuple[str, ...] = ("last", "off")

QUANTILES: tuple[float, ...] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 50
MAX_BINS = 512
MAX_THREADS = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run depends on besides the files.

    Attributes:
        roots: folders (or single checkpoints) to report on.
        out: folder that receives ``runs/<id>/`` and ``latest``.
        title: heading of the report; the folders' names if empty.
        variables: what global statistics and trends speak of: ``trainable``, ``model`` or ``all``.
        bins: wanted number of histogram bins, 1 … 512; the nearest possible is used.
        quantiles: probabilities, ascending, each in [0, 1].
        settle: seconds within which an unsound file counts as still being written.
        fail_on: lowest verdict that makes the exit code 3: ``fail``, ``warn`` or ``none``.
        pdf: whether to make the PDF.
        cache: folder of what earlier runs measured; None: everything is measured anew, and nothing is kept.
        history: whether checkpoints that an earlier run measured, and that are deleted by now, stay in the trend.
        baseline: a checkpoint that all others are held against as well, such as the pre-trained weights.
        accept: file with reviewed findings that are accepted, None if there is none.
        rule_files: Python files with rules of the user's own, which are run.
        rules: rule name -> key -> value, as given; :func:`reporter.rules.policy.policy` checks them.
        deployment: whose deployment readiness is measured: ``last`` (checkpoint of each series) or ``off``.
        spectral: whether to compute spectra of the last checkpoint of each series.
        threads: threads that read and measure, 0 for one per processor; the numbers do not depend on it.
    """

    roots: tuple[Path, ...] = (Path("ckpts"),)
    out: Path = Path("reports")
    title: str = ""
    variables: str = "model"
    bins: int = BINS
    quantiles: tuple[float, ...] = field(default=QUANTILES)
    settle: float = 120.0
    fail_on: str = "fail"
    pdf: bool = True
    cache: Path | None = None
    history: bool = True
    baseline: Path | None = None
    accept: Path | None = None
    rule_files: tuple[Path, ...] = ()
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deployment: str = "last"
    spectral: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            SettingError: naming the setting, its value and what it may be.
        """
        _one_of("variables", self.variables, VARIABLES)
        _one_of("fail-on", self.fail_on, FAIL_ON)
        if self.fail_on == "never":
            object.__setattr__(self, "fail_on", "none")
        _one_of("deployment", self.deployment, DEPLOYMENT)
        if not 1 <= self.bins <= MAX_BINS:
            raise SettingError(f"bins: {self.bins} is not between 1 and {MAX_BINS}")
        if not 0 <= self.threads <= MAX_THREADS:
            raise SettingError(f"threads: {self.threads} is not between 0 and {MAX_THREADS}")
        if not self.quantiles:
            raise SettingError("quantiles: give at least one probability, such as 0.5")
        for p in self.quantiles:
            if not (math.isfinite(p) and 0.0 <= p <= 1.0):
                raise SettingError(f"quantiles: {p:g} is not a probability between 0 and 1")
        object.__setattr__(self, "quantiles", tuple(sorted(set(self.quantiles))))
        if not (math.isfinite(self.settle) and self.settle >= 0):
            raise SettingError(f"settle: {self.settle:g} is not a number of seconds, 0 or more")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingError(f"{name}: {value!r} is not one of {', '.join(allowed)}")


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


def parse_quantiles(text: str) -> tuple[float, ...]:
    """Probabilities from ``0.05,0.5,0.95``.

    Raises:
        SettingError: a part is not a number.

    >>> parse_quantiles("0.5, 0.95")
    (0.5, 0.95)
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        raise SettingError(f"quantiles: {text!r} is not a list of numbers such as 0.05,0.5,0.95") from None
