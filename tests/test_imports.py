"""What a command imports is what it costs before it does anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.faults.running import series


def imported(*arguments: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded when the command is over."""
    return {name.split(".")[0] for name in modules(*arguments)}


def modules(*arguments: str) -> set[str]:
    """All modules that a fresh interpreter has loaded when the command is over."""
    code = (
        "import sys; sys.argv[0] = 'ckpt-report'\n"
        "from reporter.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
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


def test_inspect_loads_ready_kernels_and_nothing_that_compiles_compares_or_keeps(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"dense.kernel": np.ones((30, 40), np.float32)}, path)
    imported("inspect", str(path))  # compiles what is not there yet
    loaded = modules("inspect", str(path))
    assert "llvmlite.binding" in loaded
    top = {"numba", "matplotlib", "jinja2", "h5py", "weasyprint"}
    assert not loaded & {*top, "reporter.api", "reporter.compare", "reporter.cache", "reporter.model.report"}
    records = {f"reporter.model.{name}" for name in ("finding", "deployment", "histogram", "spectrum")}
    assert not loaded & {*records, "concurrent.futures", "difflib"}
    parts = (
        "tensorflow.bundle",
        "tensorflow.contents",
        "tensorflow.savedmodel",
        "keras.weights_v3",
        "keras.legacy",
        "orbax.meaning",
        "live",
        "isolation.worker",
        "keras.hdf5",
        "keras.tree",
        "keras_model.missing",
        "meaning",
    )
    assert not loaded & {"importlib.metadata", "numpy.ma", *(f"reporter.readers.{name}" for name in parts)}
    assert not loaded & {"socket", "subprocess", "selectors", "google_crc32c"}


def test_drawing_loads_the_renderer_and_not_what_makes_figures(tmp_path: Path) -> None:
    arguments = ("report", str(series(tmp_path / "ckpts")), "-o", str(tmp_path / "out"), "--no-pdf", "--no-cache", "-q")
    loaded = modules(*arguments)
    assert "matplotlib.backends._backend_agg" in loaded
    assert not loaded & {f"matplotlib.{name}" for name in ("backend_bases", "text", "patches", "figure", "mathtext")}
    assert not loaded & {"reporter.readers.isolation.worker", "fontTools", "weasyprint"}


def test_a_child_that_parses_loads_one_format() -> None:
    code = (
        "import sys, reporter.readers.isolation.child, reporter.readers.keras.hdf5_parsing\n"
        "assert 'h5py' in sys.modules\n"
        "readers = {name for name in sys.modules if name.startswith('reporter.readers.')}\n"
        "other = ('orbax', 'tensorflow', 'npz', 'safetensors', 'isolation.worker')\n"
        "print(*(name for name in readers if name.removeprefix('reporter.readers.').startswith(other)))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True)
    assert run.stdout.split() == []


def test_garbage_is_not_searched_while_a_command_is_loaded(tmp_path: Path) -> None:
    """And often afterwards, as a long run needs it."""
    path = tmp_path / "m.safetensors"
    save_file({"dense.kernel": np.ones((30, 40), np.float32)}, path)
    code = (
        "import gc, sys\nfrom reporter import cli\n"
        "def searches(): return sum(one['collections'] for one in gc.get_stats())\n"
        "before = searches()\nassert cli.main(sys.argv[1:]) == 0\nassert searches() == before\n"
        "gc.collect()\nassert gc.get_threshold()[0] == cli.OBJECTS"
    )
    subprocess.run([sys.executable, "-c", code, "inspect", str(path)], check=True, timeout=120, capture_output=True)


REAL = {
    "series/emotion-xception-h5": "*.0[02]-*.hdf5",
    "series/crypto-gan-tf2": "ckpt-[12].*",
    "single/acrobot-tf1-v1": "*",
}
"""Folders of real checkpoints, and what of them is reported on: two of a series import what all of them would."""


@pytest.fixture(scope="module")
def reported(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], dict[str, Any]]:
    """What one report on all of them has imported, and its record."""
    root = tmp_path_factory.mktemp("imports")
    for folder, files in REAL.items():
        some = root / "in" / folder
        some.mkdir(parents=True)
        for path in (shared_data / folder).glob(files):
            (some / path.name).symlink_to(path)
    loaded = imported("report", str(root / "in"), "-o", str(root / "out"), "--no-cache", "--no-pdf", "-q")
    return loaded, json.loads((root / "out" / "latest" / "report.json").read_bytes())


@pytest.mark.parametrize("folder", REAL)
def test_reading_checkpoints_imports_no_native_parser(reported: tuple[set[str], dict[str, Any]], folder: str) -> None:
    """V1 checkpoints are read by TensorFlow, HDF5 files by h5py: in a child process."""
    loaded, record = reported
    states = [file["state"] for file in record["files"] if file["path"].startswith(folder)]
    assert states.count("measured") == (2 if folder.startswith("series") else 1)
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "tf_keras", "h5py", "tensorstore"}


def test_what_was_measured_before_is_reported_without_loading_what_measures_draws_and_prints(
    tmp_path: Path,
) -> None:
    arguments = ("report", str(series(tmp_path / "ckpts")), "-o", str(tmp_path / "out"), "-q")
    assert {"llvmlite", "matplotlib"} <= imported(*arguments, "--no-pdf")
    assert not imported(*arguments) & {"numba", "llvmlite", "matplotlib", "PIL", "weasyprint"}


def test_the_process_that_prints_loads_no_numpy() -> None:
    """It takes a second to start, while the report is composed."""
    code = "import sys; from reporter.render.worker import painter; painter(); print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True)
    assert run.stdout.strip() == "False"
