"""The program as a user runs it: outputs, exit codes, and every kind of bad input."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import reporter
from reporter import pipeline
from reporter.cli import main
from reporter.measuring import kernels
from tests.make.command import read, report
from tests.make.safetensors import safetensors
from tests.make.small import BAD_FILES, EXTREMES, weights


@pytest.fixture
def ckpts(tmp_path: Path) -> Path:
    for step in (9, 10, 100):
        safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", weights(step))
    return tmp_path / "ckpts"


def test_a_healthy_run(ckpts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert report(ckpts, "-o", out) == 0
    printed = capsys.readouterr()
    assert Path(printed.out.splitlines()[-1]) == out / "latest" / "index.html"
    assert "3 checkpoints, 6 tensors" in printed.err
    record = read(out)
    assert record["verdict"] == "PASS"
    (series,) = record["series"]
    assert [c["step"] for c in series["checkpoints"]] == [9, 10, 100]
    assert [c["step_source"] for c in series["checkpoints"]] == ["file name"] * 3
    assert len(list((out / "latest" / "checkpoints").glob("*.html"))) == 3
    rows = list(csv.DictReader((out / "latest" / "tensors.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert {r["name"] for r in rows} == {"dense.kernel", "dense.bias"}
    assert float(rows[0]["mean"]) == series["checkpoints"][0]["tensors"][0]["statistics"]["mean"]


@pytest.mark.parametrize("compiled", [False, True])
def test_the_rate_of_reading_is_not_that_of_compiling(
    compiled: bool, ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A first run compiles kernels while it measures: bytes by that time would say nothing about reading."""
    monkeypatch.setattr(pipeline, "compiled_anew", lambda: compiled)
    assert report(ckpts, "-o", tmp_path / "out", "--no-cache", "--fail-on", "none") == 0
    assert ("B/s while measuring" in capsys.readouterr().err) is not compiled


def test_kernels_know_whether_they_were_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in kernels.__all__:
        monkeypatch.delitem(vars(kernels), name, raising=False)
    assert not kernels.compiled_anew(), "nothing was used"
    used = SimpleNamespace(compiled=False)
    monkeypatch.setitem(vars(kernels), "compare", used)
    assert not kernels.compiled_anew()
    used.compiled = True
    assert kernels.compiled_anew()


@pytest.mark.usefixtures("painted")
def test_the_same_input_gives_the_same_bytes(ckpts: Path, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from reporter.pipeline import run
    from reporter.settings.model import Settings
    from reporter.terminal.progress import Progress

    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    folders = [
        run(Settings(roots=(ckpts,), out=tmp_path / name), Progress(quiet=True), now=now).folder for name in ("a", "b")
    ]
    assert folders[0].name == folders[1].name
    names = [{p.relative_to(f) for p in f.rglob("*") if p.is_file()} for f in folders]
    assert names[0] == names[1]
    for name in names[0]:
        one, other = ((f / name).read_bytes() for f in folders)
        if name.name == "report.json":
            one, other = (json.dumps(json.loads(x) | {"timings": {}}).encode() for x in (one, other))
        assert one == other, name


def test_latest_always_points_to_a_whole_run(ckpts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert report(ckpts, "-o", out) == 0
    first = (out / "latest").resolve()
    assert report(ckpts, "-o", out) == 0
    assert (out / "latest").resolve() != first
    assert first.is_dir()
    assert sorted(p.name for p in out.iterdir()) == [".lock", "index.html", "latest", "runs"]
    assert not [p for p in (out / "runs").iterdir() if p.name.startswith(".")]


def test_another_run_holds_the_folder(ckpts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from reporter.writers.publish import output_lock

    with output_lock(tmp_path / "out"):
        assert report(ckpts, "-o", tmp_path / "out") == 75
    assert "another run" in capsys.readouterr().err


@pytest.mark.parametrize(("level", "code"), [("fail", 3), ("warn", 3), ("none", 0)])
def test_findings_set_the_exit_code(ckpts: Path, tmp_path: Path, level: str, code: int) -> None:
    bad = weights(1)
    bad["dense.bias"][3] = np.nan
    safetensors(ckpts / "m-101.safetensors", bad)
    assert report(ckpts, "-o", tmp_path / "out", "--fail-on", level) == code
    (finding,) = [f for f in read(tmp_path / "out")["findings"] if f["severity"] == "FAIL"]
    assert (finding["rule"], finding["tensor"], finding["checkpoint"]) == (
        "non-finite",
        "dense.bias",
        "m-101.safetensors",
    )


def test_a_missing_folder_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(tmp_path / "none", "-o", tmp_path / "out") == 2
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [("--bins", "0", "bins: 0"), ("--quantiles", "a", "quantiles: 'a'"), ("--quantiles", "1.5", "not a probability")],
)
def test_wrong_settings_are_named(
    ckpts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str, message: str
) -> None:
    assert report(ckpts, "-o", tmp_path / "out", flag, value) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", BAD_FILES)
def test_one_bad_file_costs_one_row(ckpts: Path, tmp_path: Path, name: str) -> None:
    (ckpts / name).write_bytes(BAD_FILES[name])
    code = report(ckpts, "-o", tmp_path / "out", "--settle", "0")
    record = read(tmp_path / "out")
    assert len(record["series"][0]["checkpoints"]) == 3
    (row,) = [f for f in record["files"] if f["path"].startswith(name.removesuffix(".index"))]
    assert row["state"] != "measured"
    if row["state"] != "not a checkpoint":
        assert row["reason"]
        assert code == 4


def test_a_shard_of_a_real_series_cut_short(shared_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gan"
    folder.mkdir()
    for path in sorted((shared_data / "series" / "crypto-gan-tf2").glob("ckpt-[123].*")):
        shutil.copyfile(path, folder / path.name)
    data = folder / "ckpt-2.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-1000])
    assert report(folder, "-o", tmp_path / "out", "--settle", "0") == 4
    states = {f["path"]: f["state"] for f in read(tmp_path / "out")["files"]}
    assert states == {"ckpt-1": "measured", "ckpt-2": "partial", "ckpt-3": "measured"}


def test_a_flipped_byte_of_a_real_series_is_noticed(shared_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gan"
    folder.mkdir()
    for path in sorted((shared_data / "series" / "crypto-gan-tf2").glob("ckpt-[12].*")):
        shutil.copyfile(path, folder / path.name)
    data = folder / "ckpt-2.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 16
    data.write_bytes(bytes(content))
    assert report(folder, "-o", tmp_path / "out", "--settle", "0") == 4
    (row,) = [f for f in read(tmp_path / "out")["files"] if f["path"] == "ckpt-2"]
    assert row["state"] == "corrupt"
    assert "crc32c" in row["reason"]
    assert "tensor" in row["reason"]


def test_a_defect_of_our_own_costs_one_row_too(ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reporter.gather import measurer

    measure = measurer.measure_checkpoint
    calls = iter(range(9))

    def faulty(*arguments: Any) -> Any:
        if next(calls) in (1, 2):  # the second checkpoint, and once more without the one it is paired with
            raise ZeroDivisionError("a slip")
        return measure(*arguments)

    monkeypatch.setattr(measurer, "measure_checkpoint", faulty)
    assert report(ckpts, "-o", tmp_path / "out", "--settle", "0") == 4
    record = read(tmp_path / "out")
    assert [f["state"] for f in record["files"]] == ["measured", "corrupt", "measured"]
    assert "defect of ckpt-report (ZeroDivisionError: a slip)" in record["files"][1]["reason"]


@pytest.mark.usefixtures("painted")
def test_extreme_values_and_names(tmp_path: Path) -> None:
    """All of them in one file, in a series of three, so that trends and pairs meet them too."""
    for step in (1, 2, 3):
        arrays = EXTREMES | weights(step)
        if step == 2:
            del arrays["one"]
        safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", arrays)
    assert report(tmp_path / "ckpts", "-o", tmp_path / "out", "--fail-on", "none") == 0
    record = read(tmp_path / "out")
    tensors = {t["name"]: t for t in record["series"][0]["checkpoints"][0]["tensors"]}
    assert set(EXTREMES) <= set(tensors)
    assert tensors["nothing"]["statistics"]["mean"] is None
    assert tensors["nan"]["statistics"]["nan_count"] == 9
    assert tensors["nan"]["statistics"]["mean"] is None
    assert tensors["huge64"]["statistics"]["std"] == pytest.approx(1e308)  # its square is beyond float64
    assert tensors["huge64"]["statistics"]["max"] == 1e308
    assert tensors["constant"]["statistics"]["std"] == 0
    assert tensors["constant"]["statistics"]["skewness"] is None
    assert tensors["integers"]["statistics"]["quantiles"]["0.5"] == 47.0
    page = (out_page := tmp_path / "out" / "latest" / "index.html").read_text()
    assert out_page.stat().st_size < 10e6
    assert "<script>alert" not in page
    table = (tmp_path / "out" / "latest" / "tensors.csv").read_text()
    for row in csv.reader(table.splitlines(keepends=True)):
        assert not any(cell.startswith(("=", "@")) for cell in row)


def test_inspect_json_is_the_contract(ckpts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(ckpts / "m-9.safetensors"), "--json", "--quantiles", "0.5,0.9"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [t["name"] for t in record["tensors"]] == ["dense.bias", "dense.kernel"]
    tensor = record["tensors"][1]
    assert {"name", "layer", "role", "trainable", "collection", "shape", "dtype", "statistics"} <= set(tensor)
    expected = weights(9)["dense.kernel"].astype(np.float64)
    s = tensor["statistics"]
    assert s["count"] == 600
    assert s["mean"] == pytest.approx(expected.mean(), abs=1e-15)
    assert s["quantiles"] == {"0.5": np.quantile(expected, 0.5), "0.9": np.quantile(expected, 0.9)}
    names = {"count", "mean", "std", "min", "max", "l2_norm", "zero_count", "nan_count", "posinf_count", "neginf_count"}
    assert names | {"quantiles"} <= set(s)
    assert record["layers"][0]["name"] == "dense"
    assert record["global"]["statistics"]["count"] == 620


def test_inspect_for_people(ckpts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(ckpts / "m-9.safetensors")]) == 0
    printed = capsys.readouterr().out
    assert "dense.kernel" in printed
    assert "30×20" in printed


def test_scan_json_is_the_contract(ckpts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ckpts / "notes.txt").write_text("x")
    assert main(["scan", str(ckpts), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert all(set(f) == {"path", "format", "state", "reason", "step", "series", "integrity"} for f in files)
    assert [f["step"] for f in files if f["state"] == "found"] == [9, 10, 100]
    assert [f["path"] for f in files if f["state"] == "not a checkpoint"] == ["notes.txt"]


def test_scan_for_people(ckpts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(ckpts)]) == 0
    assert "3 checkpoints in 1 series; 0 other files" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "more"), [("", ""), ("notes.txt", ""), ("m.keras", " that can be read")])
def test_a_scan_that_finds_nothing_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, more: str
) -> None:
    if name:
        (tmp_path / name).write_text("hello")
    for flags in ([], ["--json"]):
        assert main(["scan", str(tmp_path), "--settle", "0", *flags]) == 4
        printed = capsys.readouterr()
        assert printed.out
        assert printed.err == f"no checkpoint was found{more}\n"


def test_a_scan_beside_a_damaged_checkpoint_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sound ones are listed all the same; one that is still being saved, or links to nothing, do no harm."""
    safetensors(tmp_path / "m-1.safetensors", weights(1))
    (tmp_path / "m-2.safetensors").write_bytes((tmp_path / "m-1.safetensors").read_bytes()[:-9])
    (tmp_path / "self").symlink_to("self")
    for command in ("scan", "verify"):
        assert main([command, str(tmp_path), "--settle", "600"]) == (0 if command == "scan" else 4)
        assert main([command, str(tmp_path), "--settle", "0"]) == 4
        assert "m-1.safetensors" in capsys.readouterr().out
    assert main(["scan", str(tmp_path), "--settle", "0", "--json"]) == 4
    assert capsys.readouterr().err == "1 file cannot be read\n"
    (tmp_path / "m-2.safetensors").unlink()
    assert [main([command, str(tmp_path)]) for command in ("scan", "verify")] == [0, 0]


def test_the_only_readable_checkpoint_of_a_folder_is_named_with_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By whatever takes a folder for a checkpoint: inspect, diff, a baseline, and the interface for Python."""
    folder = tmp_path / "c"
    sound = folder / "m-1.safetensors"
    safetensors(sound, weights(1))
    alone = f"the numbers are those of {sound}, the only checkpoint of {folder}"
    assert main(["inspect", str(sound)]) == 0
    assert "the numbers are those" not in capsys.readouterr().out
    assert main(["inspect", str(folder)]) == 0
    assert alone in capsys.readouterr().out.splitlines()
    for n in (2, 3):
        (folder / f"m-{n}.safetensors").write_bytes(sound.read_bytes()[: -9 * n])
    note = f"the numbers are those of {sound}, the only checkpoint that can be read; 2 others in {folder} cannot: "
    note += "m-2.safetensors (partial), m-3.safetensors (partial)"
    assert main(["inspect", str(folder), "--settle", "0"]) == 0
    assert note in capsys.readouterr().out.splitlines()
    assert main(["inspect", str(folder), "--json", "--settle", "0"]) == 0
    assert note in json.loads(capsys.readouterr().out)["notes"]
    assert main(["diff", str(sound), str(folder), "--settle", "0"]) == 0
    assert note in capsys.readouterr().out.splitlines()
    assert reporter.measure(folder).notes[0].startswith(note.split(";")[0])
    command = ["report", str(sound), "--baseline", str(folder), "-o", str(tmp_path / "out"), "--settle", "0"]
    assert main([*command, "--no-pdf", "-q"]) in (0, 3)
    (series,) = json.loads((tmp_path / "out" / "latest" / "report.json").read_text())["series"]
    assert f"baseline: {note}" in series["notes"]


def test_inspect_takes_the_only_checkpoint_of_a_folder_or_of_one_directly_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names one checkpoint: no whole tree, such as that of ``/``, is looked through for it."""
    root = tmp_path / "a" / "b"
    safetensors(root / "c" / "m-1.safetensors", weights(1))
    listed, real = set(), os.scandir

    def scandir(folder: Any) -> Any:
        listed.add(os.fspath(folder))
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert main(["inspect", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}: neither it nor a folder directly in it holds a checkpoint" in said
    assert "`ckpt-report scan` lists all" in said
    assert listed == {str(tmp_path), str(tmp_path / "a")}
    for folder in (root, root / "c"):
        assert main(["inspect", str(folder)]) == 0
    safetensors(root / "m-2.safetensors", weights(2))
    assert main(["inspect", str(root)]) == 2
    assert "holds 2 checkpoints; name one of them" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("report", ""), ("report", "c", "-o", ""), ("report", "c", "--cache", ""), ("report", "c", "--set", "out="),
     ("report", "c", "--baseline", ""), ("report", "c", "--config", ""), ("inspect", ""), ("diff", "", "c"),
     ("scan", "c", ""), ("verify", ""), ("cache", "info", "--cache", "")],
    ids=" ".join,
)  # fmt: skip
def test_an_empty_path_is_not_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """It comes of a variable that is not set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c").mkdir()
    try:
        code: Any = main(arguments)
    except SystemExit as stop:  # of argparse
        code = stop.code
    assert code == 2
    assert "empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_the_module_runs_and_survives_a_closed_pipe(ckpts: Path) -> None:
    command = f"{sys.executable} -m reporter scan {ckpts} --json | head -c 10"
    run = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=120)
    assert run.stderr == ""


def test_accepted_findings_and_own_rules_from_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that never changes fails, until a reviewer accepts it; a settings file and a rule of one's own count."""
    monkeypatch.chdir(tmp_path)
    for step in (1, 2, 3, 4):
        safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", weights(0))
    out = tmp_path / "out"
    assert report("ckpts", "-o", out) == 3
    record = read(out)
    (finding,) = record["findings"]
    assert (finding["rule"], finding["severity"], finding["first_bad"]) == ("nothing-moves", "FAIL", "m-1.safetensors")
    page = (out / "latest" / "index.html").read_text()
    assert "the saved weights never change" in page.lower()
    assert "not the one being trained" in page
    assert report("ckpts", "-o", out, "--fail-on", "none") == 0
    assert report("ckpts", "-o", out, "--set", "rules.nothing-moves.severity=warn") == 0

    (tmp_path / "accept.toml").write_text(
        '[[accept]]\nrule = "nothing-moves"\ntensor = "*"\nreason = "a copy, on purpose"\nuntil = 2999-12-31\n'
        '[[accept]]\nrule = "frozen"\ntensor = "no/*"\nreason = "r"\nuntil = 2999-12-31\n'
    )
    assert report("ckpts", "-o", out) == 0
    record = read(out)
    assert record["verdict"] == "PASS"
    (entry,) = record["accepted"]
    assert (entry["finding"]["rule"], entry["reason"], entry["until"]) == (
        "nothing-moves",
        "a copy, on purpose",
        "2999-12-31",
    )
    assert record["acceptance_notes"] == [
        "accepted, but nothing matches it: rule frozen, tensor no/* (until 2999-12-31)"
    ]
    page = (out / "latest" / "index.html").read_text()
    assert "a copy, on purpose" in page and "nothing matches it" in page

    (tmp_path / "accept.toml").write_text(
        '[[accept]]\nrule = "nothing-moves"\ntensor = "*"\nreason = "a copy"\nuntil = 2020-01-01\n'
    )
    assert report("ckpts", "-o", out) == 3
    assert "accepted until 2020-01-01 (a copy); that has expired" in (out / "latest" / "index.html").read_text()

    (tmp_path / "accept.toml").unlink()
    (tmp_path / "mine.py").write_text(
        "from reporter.rules.base import Check, Rule, Severity\n"
        "def check(history, limits):\n"
        "    yield Check(1.0, 1.0, Severity.WARN, message='mine fired')\n"
        "MINE = Rule('mine', 'Mine', 0.0, 'f', 's', check)\n"
    )
    (tmp_path / "ckpt-report.toml").write_text('fail-on = "warn"\n[rules.nothing-moves]\nseverity = "off"\n')
    assert report("ckpts", "-o", out, "--rules", "mine.py") == 3
    assert [f["rule"] for f in read(out)["findings"]] == ["mine"]
    capsys.readouterr()
    assert report("ckpts", "-o", out, "--rules", tmp_path / "none.py") == 2
    assert "is no Python file" in capsys.readouterr().err
