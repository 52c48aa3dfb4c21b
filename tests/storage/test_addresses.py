"""Addresses on the command line, what stands for them here, and that plain paths cost nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from reporter import storage
from reporter.cli import main
from reporter.errors import SettingError
from reporter.places import address, shown
from reporter.settings.model import Settings
from reporter.settings.sources import load
from reporter.storage import stores

ARRAYS = {"dense.kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}


def test_plain_paths_never_load_fsspec(tmp_path: Path) -> None:
    save_file(ARRAYS, tmp_path / "m-1.safetensors")
    code = (
        "import sys; from reporter.cli import main\n"
        f"assert main(['verify', {str(tmp_path)!r}]) == 0\n"
        "assert 'fsspec' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setattr(stores, "_known", {})
    with pytest.raises(SettingError, match=r"pip install 'ckpt-report\[s3\]'"):
        stores.filesystem("s3://bucket/run")
    with pytest.raises(SettingError, match=r"pip install 'ckpt-report\[gcs\]'"):
        stores.filesystem("gs://bucket/run")


def test_an_unknown_protocol_is_an_error_of_ours() -> None:
    with pytest.raises(SettingError, match="no kind of store"):
        stores.filesystem("nosuchstore://bucket/run")


def test_a_file_address_is_the_local_file(tmp_path: Path) -> None:
    assert storage.local(Path(f"file://{tmp_path}/x")) == (tmp_path / "x", ())


@pytest.mark.parametrize("url", ["memory://a/../../../etc", "memory://../etc"])
def test_an_address_that_leads_out_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match="does not name"):
        storage.local(Path(url))


@pytest.mark.parametrize("flag", ["--cache", "--junit", "--prom-textfile"])
def test_what_has_to_lie_on_this_machine(capsys: pytest.CaptureFixture[str], tmp_path: Path, flag: str) -> None:
    assert main(["report", str(tmp_path), flag, "s3://bucket/place"]) == 2
    assert "has to be a folder or file of this machine" in capsys.readouterr().err


def test_an_address_in_a_file_is_not_joined_to_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('baseline = "s3://bucket/base.h5"\nmetrics = ["s3://bucket/logs", "logs"]\n')
    settings = load({}, [], {}, tmp_path, file).settings
    assert address(settings.baseline or "") == "s3://bucket/base.h5"
    assert [shown(path) for path in settings.metrics] == ["s3://bucket/logs", str(tmp_path / "logs")]


@pytest.mark.parametrize(
    "line",
    [
        'baseline = "https://elsewhere.example/base.h5"',
        'metrics = "logs,s3://elsewhere/logs"',
        'metrics = ["logs", "s3:///elsewhere/logs"]',
        'metrics = ["s3:/elsewhere/logs"]',
    ],
)
def test_a_working_folder_must_not_have_anything_fetched(tmp_path: Path, line: str) -> None:
    """However it is written: several paths in one text, or slashes that a path joins."""
    (tmp_path / "ckpt-report.toml").write_text(f"{line}\n")
    config = load({}, [], {}, tmp_path)
    assert (config.settings.baseline, config.settings.metrics) == (None, ())
    assert any("fetched from elsewhere" in sentence for sentence in config.ignored)


@pytest.mark.parametrize("url", ["s3://", "s3:///runs", "memory://", "S3://bucket/runs", "file://runs"])
def test_an_address_that_names_no_place_is_neither_another_nor_a_local_folder(
    url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a variable that is not set: a path would make s3://runs of s3:///runs, and the folder s3: of s3://."""
    monkeypatch.chdir(tmp_path)
    for command in (["scan", url], ["report", ".", "-o", url]):
        with pytest.raises(SystemExit, match="2"):
            main(command)
        assert "://" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_keys_that_no_file_can_have_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.pipe_file("/odd/run/m-1.safetensors", save(ARRAYS))
    store.store["/odd/run/" + "x" * 300] = store.store["/odd/run/m-1.safetensors"]
    assert main(["scan", "memory://odd/run"]) == 4
    said = capsys.readouterr().out
    assert "no file can have such a name" in said
    assert "m-1.safetensors" in said
    store.rm("/odd", recursive=True)


def test_what_is_gone_at_the_next_listing_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    for step in (1, 2):
        store.pipe_file(f"/listed/run/m-{step}.safetensors", save(ARRAYS))
    assert main(["verify", "memory://listed/run"]) == 0
    store.rm("/listed/run/m-1.safetensors")
    capsys.readouterr()
    assert main(["verify", "memory://listed/run"]) == 0
    assert "m-1" not in capsys.readouterr().out


def test_a_baseline_in_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.pipe_file("/base/m.safetensors", save({"dense.kernel": ARRAYS["dense.kernel"] + 1}))
    (tmp_path / "run").mkdir()
    save_file(ARRAYS, tmp_path / "run" / "m-1.safetensors")
    out = str(tmp_path / "out")
    command = ["report", str(tmp_path / "run"), "--out", out, "--no-pdf", "--settle", "0"]
    assert main([*command, "--baseline", "memory://base/m.safetensors"]) == 0
    assert "memory://base/m.safetensors" in (tmp_path / "out" / "latest" / "report.json").read_text()


def test_settings_tell_addresses_as_they_were_given() -> None:
    from reporter.settings.options import described

    assert described(Settings(roots=(Path("s3://bucket/run"),)))["folders"] == "s3://bucket/run"
