"""Machine code in object files: the bits of numba's own code, and no reference to what only one process has."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reporter.measuring.kernels import objects
from reporter.measuring.kernels.compiled import Kernel, jit
from reporter.measuring.kernels.machine import load
from tests.faults.running import FULL


def corpus(how: str, folder: Path) -> tuple[list[str], bool]:
    """What every kernel computes in a process of its own, and whether that has imported numba."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.measuring.kernel_corpus", how]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.split()[-1] == "True"


@pytest.mark.skipif(not FULL, reason="all kernels are compiled twice for it, which takes minutes: `make faults` does")
def test_all_kernels_give_the_bits_of_numbas_own_code_when_compiled_and_when_loaded(tmp_path: Path) -> None:
    """Of every dtype; the same for 1, 2 and 8 threads."""
    own, with_numba = corpus("numba", tmp_path)
    assert with_numba and not list(tmp_path.rglob("*.o"))
    compiling, with_numba = corpus("kept", tmp_path)
    assert with_numba
    loading, with_numba = corpus("kept", tmp_path)
    assert not with_numba
    assert own == compiling == loading
    assert len({line.split()[-1] for line in loading if line.startswith("checkpoint")}) == 1


def allocates(x: npt.NDArray[np.float64]) -> float:
    return float(np.sort(x)[0])


def raises(x: npt.NDArray[np.float64]) -> float:
    if x[0] > 2:
        raise ValueError
    return float(x[0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which machine code is kept."""
    monkeypatch.setattr(objects, "FOLDER", str(tmp_path))
    monkeypatch.setattr(objects, "READY", ())
    return tmp_path


@pytest.mark.parametrize(("function", "needs"), [(allocates, "NRT_"), (raises, "numba_gil_ensure")])
def test_what_only_this_process_can_run_is_run_by_numba_and_not_kept(
    function: Callable[..., float], needs: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kernel = jit(function)
    assert isinstance(kernel, Kernel)
    with caplog.at_level(logging.WARNING, logger="ckpt_report"):
        assert kernel(np.array([1.5, 7.0])) == 1.5
        assert kernel(np.array([2.0, 7.0])) == 2.0
    assert kernel.compiled and not list(folder.iterdir())
    (message,) = caplog.messages
    assert needs in message and "cannot be kept for later runs" in message


def test_a_file_that_names_what_this_process_does_not_have_is_an_error_when_it_is_linked() -> None:
    """A call of the function would end the process."""
    import llvmlite.binding as llvm

    from reporter.measuring.kernels.machine import target_machine

    module = "declare double @nowhere(double)\ndefine double @kernel(double %x) {\n"
    module += "  %y = call double @nowhere(double %x)\n  ret double %y\n}"
    machine = target_machine()
    code = machine.emit_object(llvm.parse_assembly(module))
    with pytest.raises(RuntimeError):
        load(code)
    with pytest.raises(RuntimeError):
        load(b"no object file")


def test_a_folder_that_is_named_from_the_working_folder_stays_where_it_was(tmp_path: Path) -> None:
    """A program that changes its working folder would run code from one that nobody has looked at."""
    code = "from reporter.measuring.kernels.objects import FOLDER; print(FOLDER)"
    environment = os.environ | {"CKPT_REPORT_CACHE": "cache", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"{tmp_path / 'cache' / 'kernels'}{os.sep}")
