"""All fuzz targets, each for FUZZ_SECONDS (60) in a process of its own: ``make fuzz``, ``python -m tests.fuzz NAME``.

What breaks one is left in ``.fuzz/<target>``; put it into ``tests/fuzz/regressions/<target>`` when it is repaired.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

from reporter.readers import READERS
from tests.fuzz.targets import TARGETS

OUT = Path(".fuzz")


def checkpoints(out: Path) -> dict[str, Path]:
    """One small checkpoint per reader, as the contracts make them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras
        import tensorflow as tf

        from tests.make.formats import MAKERS

        image = keras.Input((8, 8, 1), name="image")
        x = keras.layers.Flatten(name="flat")(keras.layers.Conv2D(4, 3, name="conv")(image))
        model = keras.Model(image, keras.layers.Dense(3, name="head")(x))
        made = {}
        for name, make in MAKERS.items():
            folder = (out / "checkpoints" / name).absolute()
            if not folder.exists():
                folder.mkdir(parents=True)
                make(model, folder, tf)
            made[name] = folder
    return made


def run(name: str, seconds: int, checkpoint: Path | None) -> bool:
    """Whether a target held."""
    folder = OUT / name
    command = [sys.executable, "-m", "tests.fuzz.drive", name, str(seconds), str(folder)]
    command += [str(checkpoint)] if checkpoint else []
    child = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False
    )
    runs = re.search(r"number_of_executed_units: *(\d+)", child.stderr)
    done = f"{int(runs[1]):,} inputs" if runs else "no count"
    print(f"{'ok' if child.returncode == 0 else 'BROKEN':7} {name:24} {done}", flush=True)
    if child.returncode:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log").write_text(child.stderr)
        print(child.stderr[-3000:])
    return child.returncode == 0


def main() -> int:
    seconds = int(os.environ.get("FUZZ_SECONDS", "60"))
    readers = {f"reader-{r.name}": r.name for r in READERS}
    wanted = sys.argv[1:] or [*TARGETS, *readers]
    made = checkpoints(OUT) if any(name in readers for name in wanted) else {}
    held = [run(name, seconds, made[readers[name]] if name in readers else None) for name in wanted]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
