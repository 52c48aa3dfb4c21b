"""`ckpt-report doctor` says what an installation lacks, and the line that mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reporter.cli import main, warming


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    code = main(["doctor", *arguments])
    return code, capsys.readouterr().out.splitlines()


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that lacks nothing, whatever this machine has: what is looked up elsewhere is answered here."""
    monkeypatch.setenv("CKPT_REPORT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("reporter.measuring.kernels.ready", lambda: True)
    for look in ("_pdf", "_fonts"):
        monkeypatch.setattr(warming, look, lambda: "")
    return tmp_path


def test_nothing_is_missing(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = told(capsys, "-o", str(whole / "new" / "out"))
    assert code == 0
    assert len(lines) == 6
    assert all(line.startswith("ok") for line in lines)
    assert list(whole.iterdir()) == [], "it only looks"


def test_each_thing_that_is_missing_has_its_remedy(
    whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole / "file").touch()
    monkeypatch.setenv("CKPT_REPORT_CACHE", str(whole / "file" / "cache"))
    monkeypatch.setattr("reporter.measuring.kernels.ready", lambda: False)
    monkeypatch.setattr(warming, "_pdf", lambda: "cannot load library 'libpango-1.0-0'")
    monkeypatch.setattr(warming, "_fonts", lambda: "none found")
    monkeypatch.setattr(warming, "find_spec", lambda name: None)
    code, lines = told(capsys, "-o", str(whole / "file" / "out"))
    assert code == 4
    missing = [(a, b.strip()) for a, b in zip(lines[::2], lines[1::2], strict=True)]
    assert all(what.startswith("missing") for what, _ in missing)
    assert [remedy.split()[0] for _, remedy in missing] == ["sudo", "sudo", "mkdir", "export", "ckpt-report", "pip"]
    assert "libpango" in missing[0][0]
    assert f"{whole / 'file'} cannot be written" in missing[2][0]


def test_a_user_without_a_home(
    whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "default_cache", lambda: None)
    code, lines = told(capsys, "-o", str(whole / "out"))
    assert code == 4
    assert "missing  cache folder: this user has no home" in lines


def test_what_it_looks_up_on_this_machine_is_answered() -> None:
    assert isinstance(warming._pdf(), str)
    assert warming._fonts() in ("", "none found")
