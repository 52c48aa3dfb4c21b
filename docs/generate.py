"""The pages of the manual's reference that are written from the code, each time the manual is built.

MkDocs calls :func:`on_files`; what it adds is never a file of the repository, and so it cannot go stale.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from importlib.resources import files as resources
from typing import Any
from unittest import mock

import reporter
from reporter.cli.parser import parser
from reporter.derive.statistics import STATISTICS
from reporter.rules import RULES
from reporter.rules.base import Rule
from reporter.rules.calibration import recorded
from reporter.settings.options import OPTIONS, Option
from reporter.settings.setting import Reach
from reporter.settings.sources import PREFIX

LOGGER = logging.getLogger("mkdocs.hooks.generate")
"""Its warnings make `mkdocs build --strict` fail."""

SCHEMA = resources("reporter.writers").joinpath("report.schema.json").read_text("utf-8")


def on_files(files: Any, config: Any) -> Any:
    """Add the written pages, and the schema itself, to those of the folder."""
    from mkdocs.structure.files import File

    for name, page in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page()))
    files.append(File.generated(config, "reference/report.schema.json", content=SCHEMA))
    return files


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Warn of what a page would load from another host: it has to work offline, and to tell nobody that it is read."""
    for address in loaded_elsewhere(output):
        LOGGER.warning("%s would load %s", page.file.src_uri, address)
    return output


def loaded_elsewhere(page: str) -> list[str]:
    """Addresses of other hosts from which a browser loads something to show an HTML page; links are none of them.

    >>> loaded_elsewhere('<a href="https://a.example/">x</a><img src="//b.example/c.png"><link href="d.css">')
    ['//b.example/c.png']
    """
    return re.findall(r'<(?:[a-z]+\b[^>]*\bsrc|link\b[^>]*\bhref)="?((?:https?:)?//[^">\s]+)', page)


def commands_page() -> str:
    """The help of every command."""
    parts = ["# Commands", "As `ckpt-report --help` and the help of each command print it."]
    with mock.patch.dict(os.environ, COLUMNS="92"):
        for own in _parsers(parser()):
            parts += [f"## {own.prog.replace(' A B', '')}", f"```text\n{own.format_help().rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def _parsers(own: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield own
    for action in own._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _parsers(command)


def settings_page() -> str:
    """Every setting: its flag, its variable, its default."""
    rows = [
        "| setting | default | meaning |",
        "|---|---|---|",
        *(f"| {_names(option)} | {_default(option)} | {_meaning(option)} |" for option in OPTIONS),
    ]
    return "\n\n".join(["# Settings", _SETTINGS, "\n".join(rows)]) + "\n"


_SETTINGS = f"""Flags win over variables of the environment, these over `ckpt-report.toml` in the working folder, this
over `[tool.ckpt-report]` in `pyproject.toml` there, and this over `~/.config/ckpt-report/ckpt-report.toml`. The
variable of a setting is its name in capitals after `{PREFIX}`, with `_` for `-`: `{PREFIX}FAIL_ON=warn`. An unknown
name is an error that proposes the nearest one. `ckpt-report config show` prints all settings and where each comes from.

```toml
# ckpt-report.toml
fail-on = "warn"
keep-last = 30

[rules.frozen]
severity = "info"        # off, info, warn or fail

[rules.norm-jump]
threshold = 3.0
```

The limits of each rule are listed with the [rules](rules.md). A working folder may be somebody else's, such as that of
an unpacked archive: settings marked ⚠ do not count in its files, unless the file is named with `--config`
([why](../explanation/safety.md))."""


def _names(option: Option) -> str:
    flags = "<br>".join(f"`{flag}`" for flag in option.flags) if option.setting.flag else ""
    return f"**`{option.key}`**<br>{flags}"


def _default(option: Option) -> str:
    value = option.default
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return "" if value in (None, "") else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meaning(option: Option) -> str:
    setting = option.setting
    choices = f" One of {', '.join(f'`{choice}`' for choice in setting.choices)}." if setting.choices else ""
    marked = {Reach.READ: "", Reach.WRITE: " ⚠ written to", Reach.EXECUTE: " ⚠ executed", Reach.SEND: " ⚠ sent to"}
    return plain(setting.flag.help if setting.flag else "") + choices + marked[setting.reach]


def statistics_page() -> str:
    """Every statistic with its formula."""
    rows = [
        f"| {plain(s.title)} | `{s.name}` | {plain(s.unit) or 'as the weights'} | {plain(s.definition)} |"
        for s in STATISTICS
    ]
    table = "\n".join(["| | key | unit | definition |", "|---|---|---|---|", *rows])
    return "\n\n".join(["# Statistics", _STATISTICS, table]) + "\n"


_STATISTICS = """Of every tensor, every layer, and the whole model. All but the counts speak of the finite values
x₁ … xₙ; NaN and infinities have counts of their own. Quantiles stand beside these: those of single tensors equal
`numpy.quantile` of the same values, those of layers and of the whole are within 2⁻⁸ of their magnitude
([why](../explanation/radix-summary.md)). Moments are merged by the formulas of P. Pébay, *Formulas for robust, one-pass
parallel computation of covariances and arbitrary-order statistical moments*, Sandia SAND2008-6212.

[Add one of your own](../extending.md#a-statistic)."""


def rules_page() -> str:
    """Every rule with its formula, source, limits and calibration."""
    runs = recorded()["runs"]
    rows = ["| rule | | limit | healthy runs | sick runs |", "|---|---|---|---|---|"]
    for rule in RULES:
        counts = recorded()["rules"].get(rule.name, {"healthy": "–", "sick": "–"})
        limit = "" if rule.threshold is None else f"{rule.threshold:g}"
        anchor = f"[`{rule.name}`](#{rule.name})"
        rows.append(f"| {anchor} | {plain(rule.title)} | {limit} | {counts['healthy']} | {counts['sick']} |")
    intro = _RULES.format(**runs)
    return "\n\n".join(["# Rules", intro, "\n".join(rows), *map(_rule, RULES)]) + "\n"


_RULES = """Every rule looks at every series, and prints its worst value whether it fired or not. One cause is one
finding: a rule that explains another's finding covers it. Calibration counts on how many of {healthy} healthy and
{sick} sick training runs a rule warned or failed (of rules that only remark: remarked); how these runs were made is
described in `bench/calibration` of the source.

Change a limit with `[rules.<rule>] <limit> = …`, the weight of a finding with `severity = "off"`, `"info"`, `"warn"` or
`"fail"`: see [settings](settings.md). [Write a rule of your own](../how-to/rule.md),
[accept a finding](../how-to/accept.md)."""


def _rule(rule: Rule) -> str:
    facts = [
        ("Computed", rule.formula),
        ("Means", rule.meaning),
        ("Look at", rule.next_step),
        ("Evidence", rule.evidence),
        ("Source", rule.source),
        ("Covers", ", ".join(dict.fromkeys((*rule.covers, *rule.covers_elsewhere)))),
    ]
    lines = [f"**{name}:** {plain(text)}  " for name, text in facts if text]
    if told := rule.calibration:
        lines.append(f"**Calibration:** {plain(told.removeprefix('Calibration: '))}")
    limits = {"threshold": rule.formula} | {limit.name: limit.meaning for limit in rule.limits}
    table = ["", "| limit | default | of |", "|---|---|---|"]
    table += [f"| `{name}` | {value:g} | {plain(limits[name])} |" for name, value in rule.defaults.items()]
    heading = f"## {plain(rule.title)} {{ #{rule.name} }}\n\n`{rule.name}`\n"
    return "\n".join([heading, *lines, *(table if rule.defaults else ())])


def schema_page() -> str:
    """Every object of report.json with its fields."""
    schema = json.loads(SCHEMA)
    parts = ["# report.json", _SCHEMA.format(version=schema["properties"]["schema_version"]["const"])]
    parts += ["## The report", _fields(schema)]
    for name, part in schema["$defs"].items():
        parts += [f"## {name} {{ #{name} }}", plain(part.get("description", "")), _fields(part)]
    return "\n\n".join(part for part in parts if part) + "\n"


_SCHEMA = """Schema version {version}, as [JSON Schema](report.schema.json) (draft 2020-12). A field is renamed or
removed only with a new version; fields may be added within one. `ckpt-report diff` compares two of these files, and
`report.pdf` has its own attached, if that is not too large for mail."""


def _fields(part: dict[str, Any]) -> str:
    if "properties" not in part:
        return f"{_type(part)}."
    required = part.get("required", ())
    rows = ["| field | type | |", "|---|---|---|"]
    for name, field in part["properties"].items():
        optional = "" if name in required else "optional; "
        rows.append(f"| `{name}` | {_type(field)} | {optional}{plain(field.get('description', ''))} |")
    return "\n".join(rows)


def _type(field: dict[str, Any]) -> str:
    """The type of a field in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    for union in ("anyOf", "oneOf"):
        if union in field:
            return " or ".join(map(_type, field[union]))
    kind = field.get("type", "anything")
    if kind == "array" and isinstance(field.get("items"), dict):
        return f"array of {_type(field['items'])}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {_type(field['additionalProperties'])}"
    if kind == "object" and "patternProperties" in field:
        return f"object of {' or '.join(map(_type, field['patternProperties'].values()))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def python_page() -> str:
    """Everything that ``reporter`` exports, by mkdocstrings."""
    names = sorted((n for n in reporter.__all__ if not n.startswith("__")), key=lambda name: name[0].isupper())
    return "\n\n".join(["# Python", _PYTHON, *(f"::: reporter.{name}" for name in (*names, *_IN_MODULES))]) + "\n"


_IN_MODULES = ("keras.Report", "testing.assert_healthy")
"""Public names of modules that are not loaded with ``import reporter``."""

_PYTHON = """`import reporter` costs nothing: what is named below is loaded when it is first used. Everything is typed
(`py.typed`). Whatever goes wrong on purpose is a `reporter.ReportError`; `reporter.__version__` is the version."""


def plain(text: str) -> str:
    """Text on one line without anything that Markdown or HTML would take for its own.

    >>> plain("max |w| < 2*x_i")
    'max &#124;w&#124; &lt; 2&#42;x&#95;i'
    """
    text = " ".join(text.split())
    return "".join(_ESCAPED.get(character, character) for character in text)


_ESCAPED = {c: f"&#{ord(c)};" for c in "|*_`[]"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}

PAGES: dict[str, Callable[[], str]] = {
    "commands": commands_page,
    "settings": settings_page,
    "statistics": statistics_page,
    "rules": rules_page,
    "report-json": schema_page,
    "python": python_page,
}
"""Name of the page in ``reference/`` -> what writes it."""
