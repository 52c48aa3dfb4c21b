"""What a command imports is what it costs before it does anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def imported(*arguments: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded when the command is over."""
    code = (
        "import sys; sys.argv[0] = 'ckpt-report'\n"
        "from reporter.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return set(run.stderr.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    loaded = imported("--help")
    assert "argparse" in loaded
    assert not loaded & {"numpy", "numba", "h5py", "matplotlib", "jinja2", "weasyprint", "tensorflow", "keras"}


def test_import_reporter_costs_nothing() -> None:
    code = "import reporter, sys; assert not {'numpy', 'numba'} & set(sys.modules); reporter.measure"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize(
    ("folder", "files"),
    [
        ("series/emotion-xception-h5", "*.0[02]-*.hdf5"),
        ("series/crypto-gan-tf2", "ckpt-[12].*"),
        ("single/acrobot-tf1-v1", "*"),
    ],
    ids=lambda value: value if "/" in value else "",
)
def test_reading_checkpoints_imports_no_native_parser(
    shared_data: Path, tmp_path: Path, folder: str, files: str
) -> None:
    """V1 checkpoints are read by TensorFlow, HDF5 files by h5py: in a child process. Two of a series import it all."""
    some = tmp_path / "some"
    some.mkdir()
    for path in (shared_data / folder).glob(files):
        (some / path.name).symlink_to(path)
    out = tmp_path / "out"
    loaded = imported("report", str(some), "-o", str(out), "--no-pdf", "-q")
    found = json.loads((out / "latest" / "report.json").read_bytes())["series"]
    assert [len(one["checkpoints"]) for one in found] == [1 if files == "*" else 2]
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "tf_keras", "h5py", "tensorstore"}


def test_what_was_measured_before_is_reported_without_loading_what_measures_draws_and_prints(
    shared_data: Path, tmp_path: Path
) -> None:
    arguments = ("report", str(shared_data / "series/mlx-lora-safetensors"), "-o", str(tmp_path / "out"), "-q")
    assert {"numba", "matplotlib"} <= imported(*arguments)
    assert not imported(*arguments) & {"numba", "matplotlib", "weasyprint"}
