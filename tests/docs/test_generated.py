"""What the manual's reference is written from: nothing that the code registers is missing in it."""

from __future__ import annotations

import doctest
import json
import re
from types import ModuleType

import griffe
import pytest

import reporter
from docs import docstrings, generate
from reporter.cli.parser import parser
from reporter.derive.statistics import STATISTICS
from reporter.rules import RULES
from reporter.rules.base import Rule
from reporter.rules.calibration import recorded
from tests.conftest import ROOT

STATISTICS_PAGE, RULES_PAGE = generate.statistics_page(), generate.rules_page()


def part(page: str, anchor: str) -> str:
    """A page from the heading with an anchor to the next one."""
    return page.partition(f"{{ #{anchor} }}")[2].partition("\n## ")[0]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_its_formula_source_limits_and_calibration(rule: Rule) -> None:
    told = part(RULES_PAGE, rule.name)
    for text in (rule.formula, rule.source, rule.meaning, rule.next_step, rule.evidence):
        assert generate.plain(text) in told
    for name, value in rule.defaults.items():
        assert f"| `{name}` | {value:g} | " in told
    counts, runs = recorded()["rules"][rule.name], recorded()["runs"]
    assert (
        f"fired on {counts['healthy']} of {runs['healthy']} healthy and {counts['sick']} of {runs['sick']} sick" in told
    )


def test_every_statistic_has_its_definition() -> None:
    for statistic in STATISTICS:
        (row,) = re.findall(rf"^.*\| `{statistic.name}` \|.*$", STATISTICS_PAGE, re.MULTILINE)
        assert generate.plain(statistic.definition) in row and generate.plain(statistic.title) in row


def test_every_object_and_field_of_the_schema() -> None:
    schema, page = json.loads(generate.SCHEMA), generate.schema_page()
    for name, defined in schema["$defs"].items():
        told = part(page, name)
        assert told, name
        for field in defined.get("properties", ()):
            assert f"| `{field}` | " in told
    anchors = set(re.findall(r"\{ #(\w+) \}", page))
    assert set(re.findall(r"\]\(#(\w+)\)", page)) <= anchors


def test_every_command_and_every_public_name() -> None:
    commands = generate.commands_page()
    (choices,) = [action.choices for action in parser()._actions if action.dest == "==SUPPRESS==" and action.choices]
    for command in choices:
        assert f"\n## ckpt-report {command}\n" in commands
    assert "A B" not in re.findall(r"^## .*$", commands, re.MULTILINE)
    for name in reporter.__all__:
        assert name.startswith("__") or f"::: reporter.{name}\n" in generate.python_page()


def test_the_navigation_has_every_page() -> None:
    yaml = pytest.importorskip("yaml")
    listed = re.findall(r"[\w/-]+\.md", str(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    written = {f"reference/{name}.md" for name in generate.PAGES}
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed) == sorted(written | there)


def test_what_a_page_would_load_from_elsewhere_is_found() -> None:
    page = (
        '<link rel="canonical" href="here.html"><link rel=stylesheet href=https://fonts.example/css>'
        '<script src="https://cdn.example/x.js"></script><script>"https://no.example"</script>'
        '<a href="https://fine.example">link</a><img alt="" src="images/report.png">'
    )
    assert generate.loaded_elsewhere(page) == ["https://fonts.example/css", "https://cdn.example/x.js"]


@pytest.mark.parametrize("module", [generate, docstrings], ids=lambda module: module.__name__)
def test_the_examples_of_what_writes_the_manual(module: ModuleType) -> None:
    tried = doctest.testmod(module)
    assert tried.attempted and not tried.failed


def test_the_manual_says_what_constructs_a_dataclass() -> None:
    """Their decorator is one of the program's own, which mkdocstrings does not know."""
    read = griffe.load_extensions(str(ROOT / "docs" / "docstrings.py"))
    text = (ROOT / "reporter" / "library" / "sample.py").read_text("utf-8")
    with griffe.temporary_visited_package("package", {"__init__.py": text}, extensions=read) as package:
        sample = package["Sample"]
    assert "dataclass" in sample.labels
    assert [one.name for one in sample.parameters][:3] == ["self", "name", "statistics"]
