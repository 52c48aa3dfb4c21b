"""Matplotlib's list of fonts is kept where this program keeps its own, for users without a home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reporter.plots.font_list import VARIABLE, keep_font_list


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing can be written, not even by root: a file is in the way."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / "file"


def test_with_a_home_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv(VARIABLE, "")
    keep_font_list(tmp_path / "cache")
    assert os.environ[VARIABLE] == ""
    monkeypatch.setenv(VARIABLE, "chosen")
    keep_font_list(tmp_path / "cache")
    assert os.environ[VARIABLE] == "chosen"


def test_without_a_home_it_is_in_the_cache_or_for_this_process_alone(nowhere: Path, tmp_path: Path) -> None:
    keep_font_list(tmp_path / "cache")
    assert Path(os.environ[VARIABLE]) == tmp_path / "cache" / "matplotlib"
    for cache in (None, nowhere / "cache"):
        os.environ[VARIABLE] = ""
        keep_font_list(cache)
        assert Path(os.environ[VARIABLE]).is_dir()
        assert nowhere not in Path(os.environ[VARIABLE]).parents


def test_a_list_in_a_folder_that_can_only_be_read_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, access = tmp_path / "image", os.access
    image.mkdir()
    (image / "fontlist-v1.json").write_text("{}")
    monkeypatch.setenv(VARIABLE, str(image))
    # Root may write everywhere, so that no permission keeps the tests out.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != image and access(path, mode))
    keep_font_list(tmp_path / "cache")
    assert Path(os.environ[VARIABLE]) == tmp_path / "cache" / "matplotlib"
    assert (tmp_path / "cache" / "matplotlib" / "fontlist-v1.json").read_text() == "{}"


def test_matplotlib_says_nothing_and_leaves_nothing(nowhere: Path, tmp_path: Path) -> None:
    code = "from reporter.plots.font_list import keep_font_list as k; k(None); import matplotlib.font_manager"
    (tmp_path / "t").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(os.environ) | {"TMPDIR": str(tmp_path / "t")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list((tmp_path / "t").iterdir()) == []
