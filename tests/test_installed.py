"""What docs/extending.md shows, installed as a package beside this program: all of it is in the report."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from reporter.derive.statistic import installed_statistics
from reporter.errors import SettingError
from reporter.measuring.accumulate import summarise
from reporter.model.blocks import Paragraph
from reporter.model.checkpoint import Probe
from reporter.model.report import Report
from reporter.readers.external import with_installed
from reporter.sections.external import installed_sections
from tests.conftest import ROOT

VALUES = np.arange(-50, 150, dtype="<f4").reshape(-1) / 7


def examples() -> str:
    """The Python of the document, as it stands there."""
    text = (ROOT / "docs" / "extending.md").read_text()
    found = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(found) == 3
    return "\n".join(found)


def installed(folder: Path, code: str) -> Path:
    """A package with the entry points that the document names."""
    info = folder / "team_report-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "team_report.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: team-report\nVersion: 1.0\n")
    (toml,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)
    points = toml.replace('[project.entry-points."', "[").replace('"]', "]").replace('"', "")
    (info / "entry_points.txt").write_text("\n".join(line for line in points.splitlines() if not line.startswith("#")))
    return folder


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the document."""
    return installed(tmp_path_factory.mktemp("package"), examples())


def test_all_that_is_installed_is_in_the_report(package: Path, tmp_path: Path) -> None:
    (tmp_path / "ckpts").mkdir()
    (tmp_path / "ckpts" / "model-1.raw").write_bytes(b"RAWF32\n" + VALUES.tobytes())
    command = [sys.executable, "-m", "reporter", "report", "ckpts", "-o", "out", "--no-pdf", "--settle", "0"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "latest" / "report.json").read_text())
    (series,) = record["series"]
    (tensor,) = series["checkpoints"][0]["tensors"]
    assert (series["format"], tensor["name"]) == ("raw-f32", "raw/kernel")
    wide = VALUES.astype("f8")
    expected = float(np.sum((wide - wide.mean()) ** 4) ** 0.25)
    assert tensor["statistics"]["central_l4"] == pytest.approx(expected, rel=1e-12)
    with (tmp_path / "out" / "latest" / "tensors.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["central_l4"]) == pytest.approx(expected, rel=1e-12)
    page = (tmp_path / "out" / "latest" / "index.html").read_text()
    assert "Released from" in page and "model-1.raw" in page
    (details,) = (tmp_path / "out" / "latest" / "checkpoints").iterdir()
    assert "Central L4" in details.read_text()


def test_what_measures_nothing_finds_its_files(package: Path, tmp_path: Path) -> None:
    """There the reader is what is loaded first of the module, and not the statistic."""
    (tmp_path / "model-1.raw").write_bytes(b"RAWF32\n" + VALUES.tobytes())
    command = [sys.executable, "-m", "reporter", "scan", "--settle", "0", "."]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "raw-f32" in done.stdout


def test_a_statistic_that_fails_is_told_as_what_it_is(tmp_path: Path) -> None:
    """It is the package's mistake, of which every checkpoint has the words, and no defect of this program."""
    code = examples().replace("summary.m4**0.25", "1 / 0")
    assert "1 / 0" in code
    package = installed(tmp_path / "package", code)
    (tmp_path / "model-1.raw").write_bytes(b"RAWF32\n" + VALUES.tobytes())
    command = [sys.executable, "-m", "reporter", "inspect", "model-1.raw"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode not in (0, 3)
    said = done.stdout + done.stderr
    assert "central_l4: ZeroDivisionError: division by zero" in said and "team_report" in said
    assert "defect of ckpt-report" not in said and "Traceback" not in said


def offers(path: list[Path]) -> bool:
    """Whether ``importlib.metadata`` is asked, in a process that finds packages only in these folders."""
    code = (
        "import sys; sys.path[:] = sys.argv[1:] + [p for p in sys.path if 'packages' not in p]\n"
        "from reporter.installed import Group, installed\n"
        "list(installed(Group.READERS)); print('importlib.metadata' in sys.modules)"
    )
    command = [sys.executable, "-S", "-c", code, str(ROOT), *map(str, path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split() == ["True"]


def test_packages_that_offer_nothing_are_told_without_reading_what_they_say_of_themselves(tmp_path: Path) -> None:
    for name, text in (("other-1.dist-info", "[pytest11]\nckpt_report = x"), ("none-1.dist-info", None)):
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / "entry_points.txt").write_text(text)
    (tmp_path / "old.egg-info").write_text("a file")
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("nothing.py", "")
    assert not offers([tmp_path, tmp_path / "missing"])
    assert offers([archive]), "an archive may hold packages"
    (tmp_path / "ours-1.egg-info").mkdir()
    (tmp_path / "ours-1.egg-info" / "entry_points.txt").write_text("[x]\na = b\n[ckpt_report.rules]\n")
    assert offers([tmp_path])


def use() -> None:
    """Load everything that is installed, and use it once."""
    (reader,) = with_installed(())
    head = b"RAWF32\n"
    assert reader.claim_file(Probe(Path("a.raw"), 7, 0, head, head), {}) is not None
    (statistic,) = installed_statistics(["std"])
    statistic.compute(summarise([VALUES], VALUES.dtype))
    (section,) = installed_sections()
    list(section(cast("Report", None), "html"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("RAW = Raw()", "RAW = 3", "int is no reader"),
        ("def open", "def read", "Raw is no reader: it lacks open"),
        ('"central_l4"', '"std"', "the name 'std' is that of another statistic"),
        ('"central_l4"', '"Central L4"', "the name 'Central L4' is no word"),
        ("summary.m4**0.25", "summary.m9", "central_l4: AttributeError: "),
        ('lambda summary: ', 'lambda summary: "x" or ', "gave back 'x'"),
        ("L4_NORM = Statistic(", "L4_NORM = dict(", "cannot be loaded"),
        ("def team_section", "team_section = 3\n\n\ndef other", "int is no function"),
        ("RAW = Raw()", "raise SystemExit(0)", "cannot be loaded: SystemExit"),
        ("probe.head.starts", "probe.heads.starts", "AttributeError while it was asked"),
        ("Claim(self.name,", "(self.name,", "not a Claim of the format raw-f32"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(
    old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert old in examples()
    monkeypatch.delitem(sys.modules, "team_report", raising=False)
    monkeypatch.syspath_prepend(str(installed(tmp_path / "package", examples().replace(old, new))))
    with pytest.raises(SettingError) as caught:
        use()
    assert str(caught.value).startswith("entry point ckpt_report.") and message in str(caught.value)
    monkeypatch.delitem(sys.modules, "team_report", raising=False)


def test_the_name_of_a_reader_of_this_program_is_taken(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.delitem(sys.modules, "team_report", raising=False)
    (reader,) = with_installed(())
    with pytest.raises(SettingError, match="there already is a reader of raw-f32"):
        with_installed((reader,))
    monkeypatch.delitem(sys.modules, "team_report", raising=False)


def test_a_section_that_fails_is_a_warning_in_its_place(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.delitem(sys.modules, "team_report", raising=False)
    (build,) = installed_sections()
    (section,) = build(cast("Report", None), "html")
    (block,) = section.blocks
    assert isinstance(block, Paragraph) and block.kind == "warning"
    assert "this section could not be made: AttributeError" in block.text
    monkeypatch.delitem(sys.modules, "team_report", raising=False)


def test_a_section_is_given_the_report_and_what_it_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from reporter.model.page import Section\n"
        "def team_section(report, medium):\n"
        "    yield Section('', f'{report} in {medium}', ())\n"
    )
    monkeypatch.syspath_prepend(str(installed(tmp_path / "package", code)))
    monkeypatch.delitem(sys.modules, "team_report", raising=False)
    (build,) = installed_sections()
    (section,) = build(cast("Report", "the report"), "html")
    assert section.title == "the report in html"
    monkeypatch.delitem(sys.modules, "team_report", raising=False)
