"""Templates are compiled once for many runs, and whatever is wrong with what was kept of them, they are compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import Environment

from reporter.render import compiled
from reporter.render.environment import environment

TEMPLATE = "partials/paragraph.html"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiled, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path


anew: Callable[[], Environment] = environment.__wrapped__


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("it is compiled")


def test_the_next_run_compiles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    anew().get_template(TEMPLATE)
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(Environment, "_generate", refuse)
    anew().get_template(TEMPLATE)
    with pytest.raises(AssertionError, match="it is compiled"):
        anew().get_template("partials/image.html")


@pytest.mark.parametrize("length", [0, 3, 20, 40, 200])
def test_a_file_that_was_cut_is_as_none(folder: Path, length: int) -> None:
    anew().get_template(TEMPLATE)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:length])
    anew().get_template(TEMPLATE)
    assert file.read_bytes() == whole


def test_a_file_that_was_damaged_is_as_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes of it: Python's marshal raises errors of many kinds."""
    anew().get_template(TEMPLATE)

    def damaged(_: object) -> None:
        raise SystemError("bad marshal data")

    monkeypatch.setattr("jinja2.bccache.marshal.load", damaged)
    anew().get_template(TEMPLATE)


def test_who_may_read_the_program_may_read_what_is_kept(folder: Path) -> None:
    anew().get_template(TEMPLATE)
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == Path(compiled.__file__).stat().st_mode & 0o666


def test_what_another_version_has_kept_is_deleted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_sources", lambda: "before")
    anew().get_template(TEMPLATE)
    monkeypatch.setattr(compiled, "_sources", lambda: "now")
    anew().get_template(TEMPLATE)
    (file,) = folder.iterdir()
    assert file.name.startswith("template-now-")


def test_a_source_that_changes_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by Python: by its time and its size."""
    module = tmp_path / "reporter" / "render" / "compiled.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    monkeypatch.setattr(compiled, "__file__", str(module))
    before = compiled._sources()
    assert compiled._sources() == before
    module.with_name("cells.py").write_text("")
    assert compiled._sources() != before


def test_nothing_is_kept_where_python_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    anew().get_template(TEMPLATE)
    assert not list(folder.iterdir())


def test_a_full_disk_ends_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jinja2.bccache.tempfile.NamedTemporaryFile", full)
    anew().get_template(TEMPLATE)
    assert not list(folder.iterdir())
