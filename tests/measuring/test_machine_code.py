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

from reporter.measuring import kernels
from reporter.measuring.kernels import compiling, intermediate, objects
from reporter.measuring.kernels.compiled import Kernel, jit
from reporter.measuring.kernels.machine import COMPILER, load
from reporter.measuring.kernels.ranks import collect32
from tests.faults.running import FULL


def corpus(how: str, folder: Path) -> tuple[list[str], bool]:
    """What every kernel computes in a process of its own, and whether that has imported numba."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.measuring.kernel_corpus", how]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.split()[-1] == "True"


@pytest.mark.skipif(not FULL, reason="numba compiles all kernels for it, which takes a minute: `make faults` does")
def test_all_kernels_give_the_bits_of_numbas_own_code_when_compiled_and_when_loaded(tmp_path: Path) -> None:
    """Of every dtype; the same for 1, 2 and 8 threads."""
    own, with_numba = corpus("numba", tmp_path)
    assert with_numba and not list(tmp_path.rglob("*.o"))
    compiling, with_numba = corpus("kept", tmp_path)
    assert not with_numba and list(tmp_path.rglob("*.o"))
    loading, with_numba = corpus("kept", tmp_path)
    assert not with_numba
    assert own == compiling == loading
    assert len({line.split()[-1] for line in loading if line.startswith("checkpoint")}) == 1


def test_the_package_has_intermediate_code_of_all_kernels_as_they_are() -> None:
    """Without it users wait ten times as long for the first report, and need numba."""
    assert (intermediate.KEPT / intermediate.RECORD).read_text().split()[0] == objects.sources(), "run `make kernels`"
    found = {path.name.partition("-")[0] for path in intermediate.KEPT.glob("*.ll.xz")}
    assert found == set(kernels.__all__)


def test_intermediate_code_is_what_numba_makes_of_the_source_in_any_process() -> None:
    types = tuple((np.dtype(code), 1) for code in ("u4", "u1", "u2", "u4", "u8"))
    made = compiling.intermediate(collect32, types)
    assert "_ZN" not in made and "target" not in made
    if (intermediate.KEPT / intermediate.RECORD).read_text().split()[-1] == COMPILER:
        assert made == intermediate.kept("collect32-u4x1-u1x1-u2x1-u4x1-u8x1")


@pytest.mark.parametrize("spoil", ["other sources", "nothing", "no archive", "no code", "a name of nobody"])
def test_where_the_packages_code_does_not_serve_numba_compiles(
    spoil: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    kept = tmp_path / "llvm_ir"
    monkeypatch.setattr(intermediate, "KEPT", kept)
    nobody = "declare i64 @nobody(i64)\ndefine i64 @kernel(i64 %x) {\n %y = call i64 @nobody(i64 %x)\n ret i64 %y\n}"
    intermediate.renew({"thrice-int": {"no code": "not LLVM", "a name of nobody": nobody}.get(spoil, THRICE)})
    if spoil == "other sources":
        (kept / intermediate.RECORD).write_text("0")
    elif spoil == "nothing":
        (kept / "thrice-int.ll.xz").unlink()
    elif spoil == "no archive":
        (kept / "thrice-int.ll.xz").write_bytes(b"not xz")
    kernel = jit(twice)
    with kernels.when_compiling(lambda: told.append(1)):
        assert kernel(21) == 42
    assert (kernel.compiled, told, [path.name for path in folder.glob("*.o")]) == (True, [1], ["thrice-int.o"])


def test_nothing_is_told_once_a_run_is_over(folder: Path) -> None:
    """A kernel that is needed later, by another caller, must not write to what the run wrote to."""
    told: list[int] = []
    with kernels.when_compiling(lambda: told.append(1)):
        pass
    kernel = jit(twice)
    assert (kernel(21), kernel.compiled, told) == (42, True, [])


THRICE = "define i64 @kernel(i64 %x) {\n  %y = mul i64 %x, 3\n  ret i64 %y\n}"


def test_the_packages_code_is_used_where_it_serves(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intermediate, "KEPT", tmp_path / "llvm_ir")
    intermediate.renew({"thrice-int": THRICE})
    assert jit(twice)(21) == 63


def twice(x: int) -> int:
    return 2 * x


twice.__name__ = "thrice"  # told apart by what it computes


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
