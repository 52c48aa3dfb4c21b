"""A setting is declared once: nothing that is derived from the declaration lacks any of them."""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from docs import generate
from reporter.cli.config_show import shown
from reporter.cli.parser import parser
from reporter.errors import SettingError
from reporter.model.checkpoint import Found
from reporter.run_facts import identity
from reporter.settings.model import Settings
from reporter.settings.options import OPTIONS, Option, described
from reporter.settings.setting import setting_of
from reporter.settings.sources import Config, load

COMMANDS, SETTINGS = generate.commands_page(), generate.settings_page()

NUMBERS_DO_NOT_DEPEND_ON = {
    "out", "title", "note", "logo", "accent", "templates", "pdf", "paper", "plots_folder", "threads", "cache",
    "scheduler", "keep_last", "keep_days", "junit",
    "github_summary", "prom_textfile", "notify", "notify_always", "log_format",
}  # fmt: skip

ANOTHER: dict[str, Any] = {
    "roots": (Path("elsewhere"),),
    "out": Path("out"),
    "title": "T",
    "note": "Run 17",
    "logo": Path("logo.png"),
    "accent": "#0a56a3",
    "templates": Path("templates"),
    "variables": "all",
    "bins": 7,
    "quantiles": (0.25, 0.5),
    "settle": 3.0,
    "fail_on": "warn",
    "max_age": 93600.0,
    "keep_last": 30,
    "keep_days": 90.0,
    "junit": Path("j.xml"),
    "github_summary": True,
    "prom_textfile": Path("p.prom"),
    "notify": "json://localhost",
    "notify_always": True,
    "log_format": "json",
    "pdf": False,
    "paper": "Letter",
    "plots_folder": False,
    "threads": 3,
    "scheduler": "local:2",
    "cache": Path("c"),
    "history": False,
    "baseline": Path("b"),
    "metrics": (Path("training.log"),),
    "find_metrics": False,
    "accept": Path("a.toml"),
    "rule_files": (Path("r.py"),),
    "rules": {"frozen": {"severity": "info"}},
    "deployment": "off",
    "spectral": True,
}
"""A value of every setting that is not its default."""


def flags_of_report() -> dict[str, str]:
    """Destination -> help of every flag of the command ``report``."""
    commands = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return {action.dest: action.help for action in commands.choices["report"]._actions}


def test_every_field_is_declared_with_a_flag_unless_it_is_an_argument_or_a_table() -> None:
    assert {f.name for f in fields(Settings)} == ANOTHER.keys()
    assert {f.name for f in fields(Settings) if setting_of(f).parse is None} == {"roots", "rules"}
    assert all((setting_of(f).flag is None) == (setting_of(f).parse is None) for f in fields(Settings))


WITH_UNIT = {"max_age": "26h"}
"""The text of the same value where a bare number is refused."""


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_each_is_a_flag_a_variable_and_a_key_of_files(option: Option, tmp_path: Path) -> None:
    flag = option.setting.flag
    assert flag is not None and flag.help
    assert option.field in flags_of_report()
    given = ANOTHER[option.field]
    text = ",".join(map(str, given)) if isinstance(given, tuple) else WITH_UNIT.get(option.field, str(given))
    variable = "CKPT_REPORT_" + option.field.upper()
    assert getattr(load({}, [], {variable: text}, tmp_path).settings, option.field) == given
    assert (
        getattr(load({option.key: WITH_UNIT.get(option.field, given)}, [], {}, tmp_path).settings, option.field)
        == given
    )
    assert getattr(load({}, [f"{option.key}={text}"], {}, tmp_path).settings, option.field) == given


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_what_is_shown_of_each_can_be_read_again(
    option: Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").touch()
    Path("r.py").write_text(
        "from dataclasses import replace\nfrom reporter.rules.stale import STALE\nONE = replace(STALE, name='another')"
    )
    given = ANOTHER[option.field]
    config = Config(replace(Settings(), **{option.field: given}), {})
    again = load(tomllib.loads(shown(config)), [], {}, tmp_path).settings
    assert getattr(again, option.field) == (given if not option.setting.secret else option.default)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_the_manual_has_every_flag(option: Option) -> None:
    assert any(f"{name} " in COMMANDS or f"{name}\n" in COMMANDS or f"{name}]" in COMMANDS for name in option.flags)
    assert f"**`{option.key}`**" in SETTINGS


@pytest.mark.parametrize("name", sorted(ANOTHER))
def test_what_numbers_depend_on_is_told_and_identifies_the_run(name: str) -> None:
    usual = Settings()
    other = replace(usual, **{name: ANOTHER[name]})
    found = Found((), ())
    told = described(other) != described(usual)
    assert told == (identity(found, other) != identity(found, usual)) == (name not in NUMBERS_DO_NOT_DEPEND_ON)


def test_an_older_word_is_gone() -> None:
    with pytest.raises(SettingError, match="fail-on: 'never' is not one of fail, warn, new-fail, new-warn, none"):
        Settings(fail_on="never")


def test_the_command_line_reads_every_flag_as_its_setting() -> None:
    line = "report d -o out --title T --variables all --bins 7 --quantiles 0.25,0.5 --settle 3 --fail-on warn --no-pdf"
    line += " --threads 3 --cache c --no-history --baseline b --accept a.toml --rules r.py --deployment off --spectral"
    line += " --metrics training.log --no-find-metrics --logo logo.png --accent #0a56a3 --templates templates"
    line += " --max-age 26h --keep-last 30 --keep-days 90 --junit j.xml"
    line += " --github-summary --prom-textfile p.prom --notify json://localhost --notify-always --log-format json"
    line += " --paper Letter --no-plots-folder --scheduler local:2"
    given = parser().parse_args([*line.split(), "--note", "Run 17"])
    for option in OPTIONS:
        parse = option.setting.parse
        assert parse is not None and parse(getattr(given, option.field)) == ANOTHER[option.field], option.key
