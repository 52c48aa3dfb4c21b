"""Install wheel and sdist into clean environments, try them, and remove them: ``make wheel-check``.

    python -m tests.wheel_check [PYTHON ...]

For each interpreter, by default whichever of python3.11, python3.12 and python3.13 can be started, an environment is
made that holds nothing but pip; the wheel is installed with all that it depends on (TensorFlow among them, about
2.5 GB, of which only one interpreter's lies on the disk at a time), tried from an empty folder, and uninstalled; then
the sdist in the same environment. What is there before and after has to be the same, whatever was written by the runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import reporter

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("python3.11", "python3.12", "python3.13")


def main(interpreters: Sequence[str]) -> int:
    """Check each interpreter; the exit code is the number of those that failed."""
    found = [name for name in interpreters or NAMES if _starts(name)]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ckpt-report-wheel-") as name:
        work = Path(name)
        packages = built(work / "dist")
        for interpreter in found:
            try:
                with tempfile.TemporaryDirectory(dir=work) as environment:
                    check(interpreter, packages, Path(environment))
            except (AssertionError, subprocess.CalledProcessError) as error:
                failed += 1
                print(f"{interpreter}: {error}\n{getattr(error, 'stderr', '') or ''}")
    for missing in set(interpreters or NAMES) - set(found):
        print(f"{missing}: not on this machine, not checked")
    print(f"{len(found) - failed} of {len(found)} interpreters are well")
    return failed if found else 1


def built(folder: Path) -> list[Path]:
    """The wheel and the sdist, in this order; the wheel is built from the sdist, as that of a release is."""
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)], ROOT)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for part in (
        "reporter/py.typed",
        "reporter/templates/report.html",
        f"ckpt_report-{reporter.__version__}.dist-info",
    ):
        assert any(name.startswith(part) for name in names), f"{wheel.name} lacks {part}"
    assert any(name.endswith("licenses/LICENSE") for name in names), f"{wheel.name} lacks the license"
    return [wheel, sdist]


def check(interpreter: str, packages: Sequence[Path], folder: Path) -> None:
    """Install, try and remove each package in one new environment.

    Raises:
        AssertionError: it does something else than it should, or something of it is left.
        subprocess.CalledProcessError: a command fails.
    """
    _run([interpreter, "-m", "venv", "environment"], folder)
    python = folder / "environment" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "install", "-q", str(packages[0])], folder)  # with all that it depends on, which stays
    _run([*pip, "uninstall", "-q", "-y", "ckpt-report"], folder)
    before = _files(folder / "environment")
    assert not any("ckpt_report" in str(path) for path in before)
    for package in packages:
        _run([*pip, "install", "-q", "--no-deps", str(package)], folder)
        tried(python, folder)
        _run([*pip, "uninstall", "-q", "-y", "ckpt-report"], folder)
        left = _files(folder / "environment") - before
        assert not left, f"pip uninstall leaves {sorted(map(str, left))[:10]}"
        print(f"{interpreter}: {package.name} installed, tried, removed; nothing is left", flush=True)


def tried(python: Path, folder: Path) -> None:
    """Run the installed program from a folder without a checkout."""
    program = str(python.parent / "ckpt-report")
    assert _run([program, "--version"], folder) == f"ckpt-report {reporter.__version__}\n"
    np.savez(folder / "model-7.npz", **{"dense/kernel": np.float32([[1, 2], [3, np.nan]])})
    (tensor,) = json.loads(_run([program, "inspect", "model-7.npz", "--json"], folder))["tensors"]
    assert (tensor["statistics"]["mean"], tensor["statistics"]["nan_count"]) == (2.0, 1)
    stated = _run([str(python), "-c", "import reporter; print(reporter.__version__, reporter.__file__)"], folder)
    assert stated.startswith(f"{reporter.__version__} {folder}"), stated


def _files(folder: Path) -> set[Path]:
    """All files but the compiled ones of other packages, which Python writes when it first loads them."""
    ours = ("reporter", "ckpt_report")
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and (path.suffix != ".pyc" or any(part.startswith(ours) for part in path.parts))
    }


def _starts(interpreter: str) -> bool:
    try:
        return subprocess.run([interpreter, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(command: Sequence[str], folder: Path) -> str:
    """What a command prints; its caches are in the folder, and no path of this process leads to the checkout."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NUMBA_CACHE_DIR")}
    environment |= {"CKPT_REPORT_CACHE": str(folder / "cache"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
