"""Compiled kernels are read from folders that nothing can be written to, as in the image of a container."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from pathlib import Path
from reporter.measuring import kernels
from reporter.measuring.kernels import compiled

def hits(folder, *ready):
    # how many times machine code was found, and how many times compiling was told
    told = []
    kernels.when_compiling(lambda: told.append(1))
    def twice(x):
        return 2 * x
    compiled.FOLDER, compiled.READY = str(folder or ""), tuple(map(str, ready))
    kernel = compiled.jit(twice)
    assert kernel(21) == 42
    return sum(kernel.stats.cache_hits.values()), len(told)

made, other = Path(sys.argv[1]), Path(sys.argv[2])
assert hits(made) == (0, 1)
assert hits(made) == (1, 0)
assert hits(None, made) == (1, 0)
assert hits(other, made) == (1, 0)
assert not other.exists(), "what is ready is not copied"
assert hits(other) == (0, 1)
assert hits(None, other, made) == (1, 0)
assert hits(None) == (0, 1)
"""


def test_what_is_ready_is_used_wherever_it_lies(tmp_path: Path) -> None:
    script = tmp_path / "kernels.py"  # numba keeps machine code of files alone
    script.write_text(CODE)
    command = [sys.executable, str(script), str(tmp_path / "made"), str(tmp_path / "other")]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin", "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
