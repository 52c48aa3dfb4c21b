"""Help, version, completion, and what is said about a command line that cannot be understood."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import reporter
from reporter.cli import main
from reporter.cli.parser import parser
from tests.conftest import ROOT


def commands(whole: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command and its parser, those of commands of a command included."""
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, own in action.choices.items():
                yield name, own
                yield from commands(own)


COMMANDS = dict(commands(parser()))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said on standard error of a command line that is refused."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert not printed.out
    return printed.err


def test_the_version_is_in_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert (stop.value.code, capsys.readouterr().out) == (0, f"ckpt-report {reporter.__version__}\n")
    stated = [
        path.relative_to(ROOT)
        for path in (*ROOT.glob("*.toml"), *(ROOT / "reporter").rglob("*.py"))
        if re.search(rf'^\W*(__)?version(__)? = "{re.escape(reporter.__version__)}', path.read_text("utf-8"), re.M)
    ]
    assert stated == [Path("reporter/__init__.py")]


def test_the_version_of_a_checkout_that_is_not_installed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reporter", tmp_path / "reporter", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-S", "-m", "reporter", "--version"],  # -S: without site-packages
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"ckpt-report {reporter.__version__}\n", done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reprot ckpts", "ckpt-report: argument COMMAND: 'reprot' is not one of report, inspect, "),
        ("reprot ckpts", "; did you mean report?\n`ckpt-report --help` lists"),
        ("report ckpts --fial-on warn", "report: unrecognized arguments: --fial-on warn; did you mean --fail-on?"),
        ("report ckpts --quant=0.5", "; did you mean --quantiles?\n`ckpt-report report --help` lists"),
        (
            "report ckpts --fail-on wran",
            "'wran' is not one of fail, warn, new-fail, new-warn, none; did you mean warn?",
        ),
        ("report ckpts --bin 5 --titel x", "; did you mean --bins, --title?"),
        ("diff a b --jsn", "; did you mean --json?"),
        ("cache prnue", "; did you mean prune?"),
        ("scan ckpts --qqq", "scan: unrecognized arguments: --qqq\n"),
        ("report", "report: the following arguments are required: DIR"),
    ],
)
def test_what_was_meant_is_proposed(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in said(capsys, *line.split())


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_flag_can_be_abbreviated(name: str) -> None:
    """A flag to come would change what a script means, or break it; that `--quant` is refused is tried above."""
    assert not (COMMANDS[name] if name else parser()).allow_abbrev


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_example_of_the_help_can_be_parsed(name: str) -> None:
    own = COMMANDS[name] if name else parser()
    lines = re.findall(r"^  ((?:eval .*)?ckpt-report .*?)(?:  +#.*)?$", own.format_help(), re.MULTILINE)
    if name not in ("info", "prune", "show", "warm-up"):
        assert lines, "help without an example"
    for line in lines:
        command = line.removeprefix('eval "$(').removesuffix(')"').partition(" > ")[0]
        parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_is_a_script_of_the_shell(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "--fail-on" in script and "new-warn" in script and "inspect" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True, capture_output=True)


def test_bash_completes_commands_flags_values_and_folders(tmp_path: Path) -> None:
    (tmp_path / "ckpts").mkdir()
    (tmp_path / "chart.png").touch()
    asked = {
        "ckpt-report ins": ["inspect"],
        "ckpt-report report --fail": ["--fail-on"],
        "ckpt-report report --fail-on new": ["new-fail", "new-warn"],
        "ckpt-report report c": ["ckpts"],
        "ckpt-report inspect ch": ["chart.png"],
    }
    for line, expected in asked.items():
        words = shlex.join(line.split())
        program = (
            f'eval "$({shlex.quote(sys.executable)} -m reporter completion bash)"\n'
            f"cd {shlex.quote(str(tmp_path))}\n"
            f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
            'COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}; _shtab_ckpt_report\n'
            "printf '%s\\n' \"${COMPREPLY[@]}\"\n"
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        assert sorted(done.stdout.split()) == expected, done.stderr


def test_shtab_is_imported_for_completion_only(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys; from reporter.cli.parser import parser; parser().format_help(); assert 'shtab' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
