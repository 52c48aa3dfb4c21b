"""The built wheel brings everything it needs, and works away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("ckpt_report-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_nothing_is_missing_or_too_much(site: Path) -> None:
    templates = {p.relative_to(ROOT / "templates") for p in (ROOT / "templates").rglob("*") if p.is_file()}
    shipped = {
        p.relative_to(site / "reporter/templates") for p in (site / "reporter/templates").rglob("*") if p.is_file()
    }
    assert shipped == templates
    assert (site / "reporter" / "writers" / "report.schema.json").is_file()
    kernels, shipped_kernels = (root / "reporter/measuring/kernels/llvm_ir" for root in (ROOT, site))
    assert {p.name for p in shipped_kernels.iterdir()} == {p.name for p in kernels.iterdir()}
    assert {p.name.split("-")[0] for p in site.iterdir()} == {"reporter", "ckpt_report"}
    entry_points = next(site.glob("*.dist-info")) / "entry_points.txt"
    assert "ckpt-report = reporter.cli:main" in entry_points.read_text()


def test_a_report_from_the_wheel(site: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import reporter; print(reporter.__file__); " + (
        "from reporter.cli import main; sys.exit(main(['report', 'empty', '-o', 'out', '--no-pdf']))"
    )
    run = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 4, run.stderr  # nothing was found to look at
    assert run.stdout.startswith(str(site))
    assert list((tmp_path / "out" / "runs").glob("*/index.html"))
