"""Settings of a run: one frozen dataclass, in which each setting is declared once, and checked once.

Everything else about settings is derived from the fields of :class:`Settings`: the keys of files and variables
(``reporter.settings.sources``), the flags (``reporter.cli.parser``), what ``config show`` prints, and the lines of the
report that tell what it was made with (``reporter.run_facts``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from reporter.frozen import dataclass
from reporter.model.defaults import MAX_BINS, QUANTILES
from reporter.places import shown
from reporter.settings.nightly import Nightly
from reporter.settings.setting import (
    Flag,
    Line,
    Reach,
    between,
    declared,
    duration,
    key_of,
    no_duration,
    number,
    path,
    paths,
    probabilities,
    setting_of,
    switch,
    text,
    whole,
)

BINS = 50
MAX_THREADS = 64


def _no_probability(values: tuple[float, ...]) -> str:
    if not values:
        return "give at least one probability, such as 0.5"
    wrong = next((p for p in values if not (math.isfinite(p) and 0.0 <= p <= 1.0)), None)
    return "" if wrong is None else f"{wrong:g} is not a probability between 0 and 1"


def _no_colour(value: str) -> str:
    fits = not value or re.fullmatch("#[0-9a-fA-F]{6}", value)
    return "" if fits else f"{value!r} is no colour such as #0a56a3"


def _no_scheduler(value: str) -> str:
    fits = not value or re.fullmatch(r"(tcp|tls)://[^/@\s]+:\d+|local:[1-9]\d{0,2}", value)
    return "" if fits else f"{value!r} is neither tcp://host:port, tls://host:port nor local:4"


def _listed(values: tuple[float, ...], separator: str) -> str:
    return separator.join(f"{p:g}" for p in values)


def _changed(rules: Mapping[str, Mapping[str, Any]]) -> str:
    """The limits and severities that were given, rule by rule.

    >>> _changed({"frozen": {"severity": "info", "most": 0.9}}), _changed({})
    ('frozen.severity = info, frozen.most = 0.9', 'none')
    """
    given = (f"{rule}.{key} = {value}" for rule, keys in sorted(rules.items()) for key, value in keys.items())
    return ", ".join(given) or "none"


@dataclass(frozen=True, slots=True)
class Settings(Nightly):
    """Everything a run depends on besides the files.

    Raises:
        SettingError: naming the setting, its value and what it may be.
    """

    roots: tuple[Path, ...] = declared(
        (Path("ckpts"),),
        parse=None,  # they are the arguments of the command
        line=Line("folders", lambda roots: ", ".join(map(shown, roots))),
    )
    """Folders, or single checkpoints, to report on."""

    out: Path = declared(
        Path("reports"),
        parse=path,
        flag=Flag("folder, or address of a store (default: reports)", "DIR", ("-o", "--out")),
        line=None,
        reach=Reach.WRITE,
        in_store=True,
    )
    """The folder that receives ``runs/<id>/`` and ``latest``; or an address, which receives ``latest.json`` instead."""

    title: str = declared("", parse=text, flag=Flag("heading of the report"), line=None)
    """If empty, the folders' names."""

    note: str = declared("", parse=text, flag=Flag("a text below the heading, such as what was tried"), line=None)

    logo: Path | None = declared(
        None, parse=path, flag=Flag("PNG or JPEG picture beside the heading", "FILE"), line=None
    )

    accent: str = declared(
        "", parse=text, flag=Flag("colour of the lines of the head", "#RRGGBB"), line=None, problem=_no_colour
    )

    templates: Path | None = declared(
        None,
        parse=path,
        flag=Flag("folder of templates in place of the program's, which are run (see docs/templates.md)", "DIR"),
        line=None,
        reach=Reach.EXECUTE,
    )
    """Jinja2 templates can call what they are given, and so are the user's own code."""

    variables: str = declared(
        "model",
        parse=text,
        flag=Flag("what statistics speak of (default: model)"),
        line=Line("variables", str),
        choices=("trainable", "model", "all"),
    )
    """What statistics and trends of the whole model speak of."""

    bins: int = declared(
        BINS,
        parse=whole,
        flag=Flag(f"histogram bins, 1-{MAX_BINS} (default: {BINS})", "N"),
        line=Line("bins", str),
        problem=between(1, MAX_BINS),
    )
    """Wanted number of histogram bins; the nearest possible is used."""

    quantiles: tuple[float, ...] = declared(
        QUANTILES,
        parse=probabilities,
        flag=Flag(f"probabilities (default: {_listed(QUANTILES, ',')})", "P,P"),
        line=Line("quantiles", lambda values: _listed(values, ", ")),
        problem=_no_probability,
    )
    """Ascending, each once, whatever was given."""

    settle: float = declared(
        120.0,
        parse=number,
        flag=Flag("unsound files younger than this count as being written (default: 120)", "SECONDS"),
        line=Line("settle", lambda seconds: f"{seconds:g} s"),
        problem=no_duration,
    )

    fail_on: str = declared(
        "fail",
        parse=text,
        flag=Flag("lowest verdict with exit code 3 (default: fail)"),
        line=Line("fail-on", str),
        choices=("fail", "warn", "new-fail", "new-warn", "none"),
    )
    """``new-…``: of findings that the last report in the same folder did not have, or not as bad."""

    max_age: float = declared(
        0.0,
        parse=duration,
        flag=Flag("warn if the newest checkpoint is older, such as 26h (units: s, m, h, d)", "AGE"),
        line=Line("max-age", lambda seconds: f"{seconds / 3600:g} h", if_changed=True),
        problem=no_duration,
        judging=True,
    )
    """Seconds; 0: it may be of any age."""

    pdf: bool = declared(True, parse=switch, flag=Flag("HTML, JSON and CSV only", names=("--no-pdf",)), line=None)

    paper: str = declared(
        "A4",
        parse=text,
        flag=Flag("size of the PDF's pages (default: A4)"),
        line=None,
        choices=("A4", "Letter"),
    )

    plots_folder: bool = declared(
        True, parse=switch, flag=Flag("leave out the folder of all pictures", names=("--no-plots-folder",)), line=None
    )
    """Whether the report's folder has every picture as a file of its own, too."""

    threads: int = declared(
        0,
        parse=whole,
        flag=Flag("that read and measure (default: one per processor)", "N"),
        line=None,
        problem=between(0, MAX_THREADS),
    )
    """0 for one per processor; the numbers do not depend on it."""

    scheduler: str = declared(
        "",
        parse=text,
        flag=Flag(
            "let workers of dask measure: tcp://host:port or tls://host:port of their scheduler, or local:N for N "
            "processes here",
            "ADDRESS",
        ),
        line=None,
        reach=Reach.EXECUTE,
        problem=_no_scheduler,
    )
    """Whoever runs a scheduler can have its clients execute what they like, so a working folder must not name one."""

    cache: Path | None = declared(
        None,
        parse=path,
        flag=Flag("what earlier runs measured (default: the user's cache folder)", "DIR"),
        line=None,
        reach=Reach.WRITE,
    )
    """None: everything is measured anew, and nothing is kept."""

    history: bool = declared(
        True,
        parse=switch,
        flag=Flag("keep deleted checkpoints that an earlier run measured in the trend (default: yes)"),
        line=Line("history", lambda kept: "yes" if kept else "no", if_changed=True),
    )

    baseline: Path | None = declared(
        None,
        parse=path,
        flag=Flag("a checkpoint that all others are held against as well", "PATH"),
        line=Line("baseline", shown, if_changed=True),
    )
    """For instance the pre-trained weights."""

    metrics: tuple[Path, ...] = declared(
        (),
        parse=paths,
        flag=Flag("log of metrics, or a folder of logs, in place of those beside the checkpoints", "PATH"),
        line=Line("metrics", lambda logs: ", ".join(map(shown, logs)), if_changed=True),
    )
    """Event files, CSV or JSON; see :mod:`reporter.metrics`."""

    find_metrics: bool = declared(
        True,
        parse=switch,
        flag=Flag("look for logs of metrics beside the checkpoints (default: yes)"),
        line=Line("looked for metrics", lambda wanted: "yes" if wanted else "no", if_changed=True),
    )

    accept: Path | None = declared(
        None,
        parse=path,
        flag=Flag("reviewed findings (default: accept.toml, if any)", "FILE"),
        line=Line("accepted findings", lambda file: str(file or "none")),
        judging=True,
    )

    rule_files: tuple[Path, ...] = declared(
        (),
        parse=paths,
        flag=Flag("Python file with rules of your own, which is run", "FILE", ("--rules",)),
        line=Line("rules of the user's own", lambda files: ", ".join(str(file) for file in files) or "none"),
        reach=Reach.EXECUTE,
        judging=True,
    )

    rules: Mapping[str, Mapping[str, Any]] = declared(
        {},
        parse=None,  # they are the tables [rules.<name>]
        line=Line("rules changed", _changed),
        judging=True,
    )
    """Rule name -> key -> value, as given; :func:`reporter.rules.policy.policy` checks them."""

    deployment: str = declared(
        "last",
        parse=text,
        flag=Flag("int8 and float16 readiness of the last checkpoint of each series (default: last)"),
        line=Line("deployment", str),
        choices=("last", "off"),
    )

    spectral: bool = declared(
        False,
        parse=switch,
        flag=Flag("spectra of the weight matrices of every checkpoint"),
        line=Line("spectral", lambda wanted: "on" if wanted else "off"),
    )

    def __post_init__(self) -> None:
        """Check every value, and bring those into order that have one."""
        for field in fields(self):
            setting_of(field).require_usable(key_of(field), getattr(self, field.name))
        object.__setattr__(self, "quantiles", tuple(sorted(set(self.quantiles))))
