"""Names that are no UTF-8, terminals that cannot show them, empty variables, and text nested a thousand times."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from pathlib import Path

import pytest

from reporter.cli import main
from tests.faults.running import run, series


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Names in Latin-1, in characters that no narrow encoding has, and with control characters."""
    series(tmp_path / "c")
    inner = series(Path(os.fsdecode(os.fsencode(tmp_path) + b"/c/\xe9t\xe9")))
    (inner / "m-1.safetensors").rename(inner / "模型-1.safetensors")
    (inner / "m-2.safetensors").rename(inner / "a\x1b[31m\n-2.safetensors")
    return tmp_path / "c"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_encoding_of_the_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    printed = {}
    out = os.fsdecode(os.fsencode(folder.parent) + b"/out-\xe9-\xe6\xa8\xa1")
    for command in (["scan", str(folder)], ["verify", str(folder)], ["report", str(folder), "-o", out, "--no-pdf"]):
        streams = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", io.TextIOWrapper(streams[0], encoding))
            patched.setattr(sys, "stderr", io.TextIOWrapper(streams[1], encoding, "backslashreplace"))
            assert main(command) == 0
            sys.stderr.flush()
            printed[command[0]] = streams[0].getvalue()
            assert b"\x1b" not in streams[0].getvalue() + streams[1].getvalue()
            assert b"Traceback" not in streams[1].getvalue()
    if encoding == "utf-8":
        assert Path(os.fsdecode(printed["report"].splitlines()[-1])).is_file()
    else:
        assert printed["report"].splitlines()[-1].startswith(os.fsencode(folder.parent) + b"/out-\xe9-")


def test_a_terminal_of_ascii(folder: Path) -> None:
    """As Python sets its streams up."""
    done = run("scan", folder, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and b"\x1b" not in done.stdout and b"4 checkpoints" in done.stdout


@pytest.mark.usefixtures("caplog")  # fonts of this machine may lack a character, which the log says
def test_a_name_that_is_no_utf_8_in_every_page(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["report", str(folder), "-o", str(out), "-q"]) == 0
    record = json.loads((out / "latest" / "report.json").read_bytes())
    names = [c["name"] for s in record["series"] for c in s["checkpoints"]]
    assert len(names) == 4
    assert (out / "latest" / "report.pdf").stat().st_size > 10_000
    assert all(page.read_text("utf-8") for page in (out / "latest").rglob("*.html"))
    first = sorted(path.name for path in (out / "latest" / "checkpoints").iterdir())
    assert main(["report", str(folder), "-o", str(out), "-q", "--no-pdf"]) == 0  # from the cache
    assert sorted(path.name for path in (out / "latest" / "checkpoints").iterdir()) == first


def test_a_single_root_that_is_no_utf_8(folder: Path, tmp_path: Path) -> None:
    (root,) = (path for path in folder.iterdir() if path.is_dir())
    assert main(["report", str(root), "-o", str(tmp_path / "out"), "-q", "--no-pdf"]) == 0
    assert main(["inspect", str(root / "模型-1.safetensors")]) == 0
    assert main(["report", str(root / "nothing"), "-o", str(tmp_path / "out"), "-q", "--no-pdf"]) == 2


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = series(tmp_path / "c")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name in ("CACHE", "BINS", "OUT", "FAIL_ON"):
        monkeypatch.setenv(f"CKPT_REPORT_{name}", "")
    assert main(["report", str(folder), "-o", str(tmp_path / "out"), "-q", "--no-pdf"]) == 0
    assert list((tmp_path / "work").iterdir()) == []
    assert (tmp_path / "home" / ".cache" / "ckpt-report").is_dir()


DEEP = 100_000


@pytest.mark.parametrize(
    ("name", "text", "arguments"),
    [
        ("ckpt-report.toml", "x = " + "[" * DEEP, ()),
        ("accept.toml", "x = " + "[" * DEEP, ()),
        ("other.toml", "x = " + "{a=" * DEEP, ("--config", "other.toml")),
    ],
)
def test_settings_nested_too_deeply(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    assert main(["report", str(series(tmp_path / "c")), "-q", "--no-pdf", *arguments]) == 2
    assert "is no TOML" in capsys.readouterr().err


def test_reports_nested_too_deeply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("[" * DEEP)
    assert main(["diff", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 2
    assert "is no JSON" in capsys.readouterr().err
    assert main(["report", str(series(tmp_path / "c")), "--set", "title=" + "[" * DEEP, "-q", "--no-pdf", "-o",
                 str(tmp_path / "out")]) == 0  # text, like every other value that is no TOML  # fmt: skip


def test_what_the_machine_refuses_is_no_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever it happens: one line names the file, and nobody is asked to report it."""
    from reporter import pipeline

    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "somewhere/file")

    monkeypatch.setattr(pipeline, "_run", failing)
    assert main(["report", str(series(tmp_path / "c")), "-o", str(tmp_path / "out"), "-q", "--no-pdf"]) == 1
    said = capsys.readouterr().err
    assert said == "ckpt-report: somewhere/file: Input/output error; the last published report stands\n"


def test_a_defect_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from reporter import pipeline

    for error in (ZeroDivisionError("a slip\nover lines"), RecursionError("too deep"), MemoryError()):

        def failing(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(pipeline, "_run", failing)
        assert main(["report", str(series(tmp_path / "c")), "-o", str(tmp_path / "out"), "-q", "--no-pdf"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("ckpt-report: ")
