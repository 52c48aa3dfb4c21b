"""README and manual do what they say: every command, every piece of Python and every settings file in them is run.

A ``console`` block holds commands after ``$`` and what they print on standard output, in which ``…`` stands for
anything; ``echo $?`` asks for the exit code of the command before. What a ``python`` block prints stands in comments
at its end. Files that a block names in its first comment are there for the commands that follow on the page.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from reporter.cli import main
from reporter.cli.parser import parser
from reporter.rules.acceptance import read_acceptances
from reporter.settings.sources import load
from tests.conftest import ROOT

README = "README.md"
"""Its report is made with the document; of those that follow, pages and numbers are looked at."""

PAGES = (README, *sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*.md")))
ELSEWHERE = {
    "docs/extending.md": "tests/test_installed.py installs all of it as a package",
    "docs/template-context.md": "tests/render/test_templates_document.py writes it",
}
"""Pages whose blocks are run by other tests."""

TRAINING = "python -m examples.broken_run runs/bars"
PRINTED = "8 checkpoints and training.log in runs/bars\n"
INSTALLING = "pip install ."
"""Run by ``make wheel-check``, since it takes minutes."""

COMMAND = "ckpt-report "


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, text) of every fenced block."""
    text = (ROOT / page).read_text("utf-8")
    return re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def steps(block: str) -> Iterator[tuple[str, str]]:
    """(command, what is expected) of a console block."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def assert_printed(printed: str, expected: str, what: str) -> None:
    pattern = ".*".join(re.escape(piece) for piece in expected.strip().split("…"))
    assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{what} printed\n{printed}\nand not\n{expected}"


@pytest.fixture(scope="module")
def runs(keras: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of the tutorial, trained once, and the cache of all pages beside it."""
    root = tmp_path_factory.mktemp("manual")
    with warnings.catch_warnings(), contextlib.chdir(root), contextlib.redirect_stdout(io.StringIO()) as out:
        warnings.simplefilter("ignore")
        from examples import broken_run

        broken_run.main(Path("runs/bars"))
    assert out.getvalue() == PRINTED
    return root / "runs"


@pytest.fixture
def workspace(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the run, as a page finds it; what one page measured, the next need not measure again."""
    shutil.copytree(runs, tmp_path / "w" / "runs")
    monkeypatch.chdir(tmp_path / "w")
    monkeypatch.setenv("CKPT_REPORT_CACHE", str(runs.parent / "cache"))
    return tmp_path / "w"


def run(command: str) -> tuple[str, int]:
    """What a command prints on standard output, and its exit code."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = main(shlex.split(command.removeprefix(COMMAND)))
    return out.getvalue(), code


def console(block: str) -> None:
    code = 0
    for command, expected in steps(block):
        if command == TRAINING:
            assert expected == PRINTED
        elif command == "echo $?":
            assert int(expected) == code
        elif command != INSTALLING:
            assert command.startswith(COMMAND), command
            printed, code = run(command)
            assert_printed(printed, expected, command)


def python(block: str, names: dict[str, object]) -> None:
    """Run a block in the names of those before it."""
    expected = re.search(r"(?:^# [^\n]*\n)*\Z", block, re.MULTILINE)[0]  # type: ignore[index]
    code = block.removesuffix(expected)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(code, "the page", "exec"), names)
    assert_printed(out.getvalue(), re.sub(r"^# ", "", expected, flags=re.MULTILINE), "the block")


def file(block: str) -> None:
    """Write a block into the file that its first comment names, and read it as the program does."""
    name = Path(re.match(r"(?:#|/\*) ([\w.-]+)", block)[1])  # type: ignore[index]
    name.write_text(block)
    if name.name == "accept.toml":
        assert read_acceptances(name, [rule[1] for rule in re.finditer(r'rule = "(.*?)"', block)])
    elif name.name == "ckpt-report.toml":
        load({}, [], {}, Path())
        name.unlink()  # the commands of the page are run without it


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras, which the pages train with
def test_what_a_page_shows_is_what_happens(page: str, request: pytest.FixtureRequest) -> None:
    found = blocks(page)
    if any(language in ("console", "python") for language, _ in found):
        request.getfixturevalue("workspace")
        if page != README:
            request.getfixturevalue("monkeypatch").setenv("CKPT_REPORT_PDF", "no")
    else:
        request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
    names: dict[str, object] = {"__name__": "page"}
    for language, block in found:
        if block.startswith("# my_rules.py\n"):
            Path("my_rules.py").write_text(block)
        elif language == "console":
            console(block)
        elif language == "python":
            python(block, names)
        elif language == "toml":
            file(block)


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_flags_commands_and_targets_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    (commands,) = [a.choices for a in parser()._actions if a.dest == "==SUPPRESS==" and a.choices]
    flags = {flag for own in commands.values() for flag in own._option_string_actions}
    told = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for code in told:
        if code.startswith(COMMAND):
            name = code.removeprefix(COMMAND).split()[0]
            assert name in commands or name in ("--help", "--version", "COMMAND"), code
        if code.startswith((COMMAND, "--")):
            assert {w.partition("=")[0] for w in code.split() if w.startswith("--")} <= flags | {"--version"}, code
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_of_files_beside_the_manual_lead_somewhere(page: str) -> None:
    """Those within the manual are checked by mkdocs."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text("utf-8")):
        assert (ROOT / target).exists(), target
