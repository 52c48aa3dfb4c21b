"""Settings from flags, variables and files: which wins, and what is said when one is wrong."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reporter.cli import main
from reporter.cli.config_show import shown
from reporter.errors import SettingError
from reporter.rules import RULES
from reporter.rules.policy import policy
from reporter.settings.model import Settings
from reporter.settings.options import OPTIONS
from reporter.settings.sources import Config, load


def loaded(folder: Path, *, file: Path | None = None, **more: Any) -> Config:
    return load(more.get("flags", {}), more.get("assignments", []), more.get("environment", {}), folder, file)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults_need_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path).settings == Settings()


def test_flags_win_over_variables_over_the_file_over_pyproject(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.ckpt-report]\nbins = 10\ntitle = "p"\nsettle = 1\nfail-on = "none"')
    assert loaded(tmp_path).settings.bins == 10
    write(tmp_path / "ckpt-report.toml", 'bins = 20\ntitle = "t"\nsettle = 2')
    environment = {"CKPT_REPORT_BINS": "30", "CKPT_REPORT_TITLE": "e", "HOME": "x"}
    config = loaded(tmp_path, environment=environment, assignments=["title=s"], flags={"bins": 40})
    settings = config.settings
    assert (settings.bins, settings.title, settings.settle, settings.fail_on) == (40, "s", 2.0, "none")
    assert config.sources == {
        "bins": "--bins",
        "title": "--set title=s",
        "settle": "ckpt-report.toml",
        "fail-on": "pyproject.toml",
    }


def test_a_named_file_is_the_only_one_and_its_paths_are_its_own(tmp_path: Path) -> None:
    write(tmp_path / "ckpt-report.toml", "bins = 20")
    (tmp_path / "ci").mkdir()
    file = write(tmp_path / "ci" / "strict.toml", 'out = "nightly"\nrule-files = ["mine.py"]')
    settings = loaded(tmp_path, file=file).settings
    assert settings.bins == Settings().bins
    assert settings.out == tmp_path / "ci" / "nightly"
    assert settings.rule_files == (tmp_path / "ci" / "mine.py",)


def test_rules_are_merged_key_by_key(tmp_path: Path) -> None:
    write(
        tmp_path / "ckpt-report.toml", '[rules.frozen]\nseverity = "info"\nmost = 0.9\n[rules.norm-jump]\nthreshold = 3'
    )
    config = loaded(tmp_path, assignments=["rules.frozen.severity=off", "rules.dead-units.share=0.25"])
    judging = policy(config.settings, None)
    assert judging.severities == {"frozen": "off"}
    assert judging.limits == {"frozen": {"most": 0.9}, "norm-jump": {"threshold": 3.0}, "dead-units": {"share": 0.25}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bin = 3", "ckpt-report.toml: there is no setting 'bin'; did you mean bins?"),
        ("fail_on = 3", "did you mean fail-on?"),
        ('bins = "many"', "ckpt-report.toml: bins 'many' is not of its kind"),
        ("bins = true", "bins has to be a whole number"),
        ("title = 3", "title has to be text"),
        ("quantiles = 0.5", "quantiles has to be a list"),
        ('pdf = "perhaps"', "pdf has to be true or false"),
        ('rules = ["mine.py"]', "files go into rule-files"),
        ("bins = ", "is no TOML"),
        ("bins = 1000", "bins: 1000 is not between 1 and 512"),
        ('fail-on = "sometimes"', "fail-on: 'sometimes' is not one of fail, warn, new-fail, new-warn, none"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "ckpt-report.toml", text)
    with pytest.raises(SettingError) as caught:
        loaded(tmp_path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"frozn": {}}, "there is no rule 'frozn'; did you mean frozen?"),
        ({"frozen": {"threshhold": 1}}, "rules.frozen: there is no key 'threshhold'; did you mean threshold?"),
        ({"frozen": {"severity": "fatal"}}, "'fatal' is not one of off, info, warn, fail"),
        ({"frozen": {"threshold": "high"}}, "rules.frozen.threshold: 'high' is not a number"),
        ({"frozen": {"threshold": float("nan")}}, "is not a number"),
        ({"frozen": {"threshold": True}}, "is not a number"),
    ],
)
def test_rules_that_are_wrong_are_named(rules: dict[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(SettingError) as caught:
        policy(Settings(rules=rules), None)
    assert message in str(caught.value)


def test_assignments_and_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="write it as key=value"):
        loaded(tmp_path, assignments=["bins"])
    with pytest.raises(SettingError, match="cannot be read"):
        loaded(tmp_path, file=tmp_path / "none.toml")
    with pytest.raises(SettingError, match="CKPT_REPORT_BIN: there is no setting 'bin'"):
        loaded(tmp_path, environment={"CKPT_REPORT_BIN": "3"})


def test_acceptances_beside_the_settings_are_found(tmp_path: Path) -> None:
    assert loaded(tmp_path).settings.accept is None
    write(tmp_path / "accept.toml", '[[accept]]\nrule = "frozen"\ntensor = "*"\nreason = "r"\nuntil = 2030-01-01')
    settings = loaded(tmp_path).settings
    assert settings.accept == tmp_path / "accept.toml"
    (entry,) = policy(settings, date(2026, 1, 1)).acceptances
    assert (entry.rule, entry.until) == ("frozen", date(2030, 1, 1))


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    write(tmp_path / "ckpt-report.toml", 'title = "a \\"b\\"\\u0007"\n[rules.frozen]\nseverity = "info"\nmost = 0.25')
    config = loaded(tmp_path, flags={"bins": 7})
    text = shown(config)
    assert "bins = 7  # --bins" in text
    assert 'severity = "info"  # ckpt-report.toml' in text
    table = tomllib.loads(text)
    assert set(table["rules"]) == {rule.name for rule in RULES}
    assert table["rules"]["frozen"] == {"severity": "info", "threshold": 1.0, "most": 0.25, "checkpoints": 3}
    again = loaded(tmp_path, file=write(tmp_path / "again.toml", text)).settings
    assert (again.title, again.bins, again.quantiles) == ('a "b"\x07', 7, Settings().quantiles)
    unset = {option.key for option in OPTIONS if getattr(config.settings, option.field) is None}
    assert "accept" in unset and {option.key for option in OPTIONS} - set(table) == unset


def test_config_show_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CKPT_REPORT_PDF", "no")
    assert main(["config", "show", "--set", "rules.frozen.severity=fail"]) == 0
    output = capsys.readouterr().out
    assert "pdf = false  # CKPT_REPORT_PDF" in output
    assert 'severity = "fail"  # --set rules.frozen.severity=fail' in output
    assert main(["config", "show", "--set", "rules.frozen.sevrity=fail"]) == 2
    assert "did you mean severity?" in capsys.readouterr().err
