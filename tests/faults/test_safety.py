"""Nothing that a folder or a file says is executed, written elsewhere, or obeyed by a terminal or a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from reporter.cli import main
from reporter.settings import sources
from reporter.writers.tensors_csv import inert

HOSTILE = "from pathlib import Path\nPath(__file__).with_name('executed').touch()\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of somebody else."""
    folder = tmp_path / "unpacked"
    (folder / "ckpts").mkdir(parents=True)
    save_file({"a": np.ones(3, "f4")}, folder / "ckpts" / "m.safetensors")
    (folder / "rules.py").write_text(HOSTILE)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("CKPT_REPORT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


SETTINGS = 'rule-files = ["rules.py"]\nout = "../elsewhere"\ncache = "/tmp/../{0}/elsewhere-cache"\nbins = 20\n'


@pytest.mark.parametrize("name", ["ckpt-report.toml", "pyproject.toml"])
@pytest.mark.parametrize("command", [("config", "show"), ("report", "ckpts", "--no-pdf", "-q"), ("scan", "ckpts")])
def test_a_foreign_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, command: tuple[str, ...]
) -> None:
    text = SETTINGS.format(folder.parent)
    (folder / name).write_text(text if name == sources.FILE else "[tool.ckpt-report]\n" + text)
    assert main(list(command)) in (0, 3)
    said = capsys.readouterr().err
    for setting in ("rule-files", "out", "cache"):
        assert f"{name}: {setting} is ignored: a file in the working folder must not" in said
    assert not (folder / "executed").exists()
    assert not (folder.parent / "elsewhere").exists()
    assert not (folder.parent / "elsewhere-cache").exists()


def test_who_may_say_so(folder: Path) -> None:
    """The command line, a file that it names, and the user's own; and a folder of what lies inside of it."""
    text = 'rule-files = ["rules.py"]\nout = "../elsewhere"'
    (folder / "named.toml").write_text(text)
    named = sources.load({}, [], {}, folder, folder / "named.toml").settings
    assert (named.rule_files, named.out) == ((folder / "rules.py",), folder / "../elsewhere")
    own = folder.parent / "config" / "ckpt-report" / "ckpt-report.toml"
    own.parent.mkdir(parents=True)
    own.write_text('rule-files = ["mine.py"]\nbins = 7')
    (folder / "ckpt-report.toml").write_text('out = "here/reports"\nrule-files = ["rules.py"]')
    found = sources.load({}, [], {"XDG_CONFIG_HOME": str(folder.parent / "config")}, folder)
    assert found.settings.rule_files == (own.parent / "mine.py",)
    assert (found.settings.out, found.settings.bins) == (folder / "here/reports", 7)
    assert len(found.ignored) == 1
    given = sources.load({"rule-files": "rules.py"}, ["out=../elsewhere"], {}, folder).settings
    assert (given.rule_files, given.out) == ((Path("rules.py"),), Path("../elsewhere"))


def test_a_link_out_of_the_folder(folder: Path) -> None:
    (folder / "reports").symlink_to(folder.parent)
    (folder / "ckpt-report.toml").write_text('out = "reports/elsewhere"')
    found = sources.load({}, [], {"XDG_CONFIG_HOME": "/nowhere"}, folder)
    assert found.settings.out == Path("reports")
    assert "which lies outside" in found.ignored[0]


NAMES = ["=1+1", "a\r=1+1", "a\n=1+1", "a\r\n+1", "\t=1", " =1", "-1+1", "@SUM(1)", "\uff1d1", "\x1b]0;x\x07",
         "a\u2028=1", "a\x85=1", "\x9b31m"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_cells(name: str) -> None:
    shown = inert(name)
    assert shown.isprintable()
    assert shown.lstrip()[:1] not in tuple("=+-@\uff1d\t\r")
    assert list(csv.reader(io.StringIO(shown))) == [[shown]]


def test_names_never_reach_the_terminal_raw(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "ckpts" / "n\x1b[31m.safetensors"
    save_file({f"t{i}{name}": np.ones(2, "f4") for i, name in enumerate(NAMES)}, path)
    (folder / "ckpts" / "bad\x9b\x07.safetensors").write_bytes(b"x")
    for command in (["scan", "ckpts"], ["inspect", str(path)], ["verify", "ckpts"],
                    ["diff", str(path), str(path)], ["report", "ckpts", "--no-pdf", "--settle", "0"],
                    ["inspect", "no\x1b[31m"], ["config", "show", "--set", "title=a\x9b\x1b"]):  # fmt: skip
        main(command)
        said = "".join(capsys.readouterr())
        assert [c for c in said if not c.isprintable() and c != "\n"] == [], command
    content = (folder / "reports" / "latest" / "tensors.csv").read_text("utf-8")
    assert not {c for c in content if not c.isprintable()} - {"\n"}
    for row in csv.reader(io.StringIO(content)):
        assert not [cell for cell in row[:5] if cell.lstrip()[:1] in tuple("=+-@") and not cell[:1].isdigit()]
