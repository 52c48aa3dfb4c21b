"""Measure one checkpoint of each format, whose file is in the page cache; every checksum is verified."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench import files
from bench.in_memory import QUANTILES, naive
from bench.row import Context, Measurement, command, run, seconds, side_by_side
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.readers.opening import open_checkpoint


def measure(format_: str, path: Path, threads: int = 0) -> None:
    """Measure everything of one checkpoint, as a report does.

    Args:
        format_: name of the format, as in :data:`reporter.readers.READERS`.
        path: of the checkpoint.
        threads: number of threads, 0 for all processors.
    """
    with open_checkpoint(format_, path) as contents:
        measure_checkpoint(contents, Plan(quantiles=QUANTILES, threads=threads))


def cat(path: Path) -> None:
    """Read a file with the command ``cat``, the least time that reading takes."""
    with Path("/dev/null").open("wb") as nowhere:
        subprocess.run(["cat", str(path)], stdout=nowhere, check=True)


def load(path: Path) -> None:
    """Read a file with the safetensors library, and compute its numbers with numpy."""
    from safetensors.numpy import load_file

    for values in load_file(path).values():
        naive(values)


def rows(context: Context) -> Iterator[Measurement]:
    """Measure a safetensors file, a ``.keras`` file and a TensorFlow checkpoint."""
    folder, repeats = Path(context.folder), context.repeats
    nbytes = (2 << 30) if context.full else (256 << 20)
    path = files.safetensors(folder / "model.safetensors", files.matrices(nbytes))
    what = f"safetensors, {nbytes >> 20} MiB"
    for threads in (1, 0):
        yield side_by_side(
            f"{what}, {f'{threads} thread' if threads else 'all threads'}",
            lambda t=threads: measure("safetensors", path, t), "cat", lambda: cat(path),
            repeats=repeats, most=6, goal="≤ 6 × cat", nbytes=nbytes,
        )  # fmt: skip
    inspect = command("inspect", str(path), "--json")
    yield side_by_side(
        f"{what}, a process of its own", lambda: run(inspect), "cat", lambda: cat(path),
        repeats=min(repeats, 3), most=6, beyond=0.3, goal="≤ 6 × cat + 0.3 s", nbytes=nbytes,
    )  # fmt: skip
    small = files.safetensors(folder / "small.safetensors", files.resnet50())
    yield side_by_side(
        "safetensors, ResNet50 (102 MB)", lambda: measure("safetensors", small), "safetensors' loader + numpy",
        lambda: load(small), repeats=2, nbytes=small.stat().st_size,
    )  # fmt: skip
    keras = files.keras_archive(folder / "model.keras", files.resnet50())
    yield side_by_side(
        ".keras, ResNet50, with its CRC-32", lambda: measure("keras", keras), "cat", lambda: cat(keras),
        repeats=repeats, nbytes=keras.stat().st_size,
    )  # fmt: skip
    yield from tensorflow(context, folder)


_TENSORFLOW = """
import sys, time, statistics, tensorflow as tf
reader = tf.train.load_checkpoint(sys.argv[1])
names = [n for n in reader.get_variable_to_shape_map() if n.startswith("layers/")]
def get():
    for name in names: reader.get_tensor(name)
def summaries():
    for i, name in enumerate(names): tf.summary.histogram(name, reader.get_tensor(name), step=0)
def naive():
    import io, numpy as np, matplotlib; matplotlib.use("Agg"); import matplotlib.pyplot as plt
    for name in sorted(names, key=lambda n: reader.get_tensor(n).size)[len(names) // 2 :][: int(sys.argv[2])]:
        v = reader.get_tensor(name)
        v.mean(), v.std(), v.min(), v.max(), np.quantile(v, (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99))
        plt.figure(); plt.hist(v.ravel(), bins=50); plt.savefig(io.BytesIO(), format="png"); plt.close()
writer = tf.summary.create_file_writer(sys.argv[3])
writer.set_as_default()
for line in sys.stdin:
    start = time.perf_counter(); globals()[line.strip()](); print(time.perf_counter() - start, flush=True)
"""


def tensorflow(context: Context, folder: Path) -> Iterator[Measurement]:
    """Compare with TensorFlow's own reader, in one process for all repeats, so that its import does not count."""
    prefix = files.tensorflow(folder / "model", files.resnet50())
    nbytes = sum(4 * int(np.prod(shape)) for shape in files.resnet50())
    sample = 10
    process = subprocess.Popen(
        [sys.executable, "-c", _TENSORFLOW, str(prefix), str(sample), str(folder / "tensorboard")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip

    def ask(what: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(what + "\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise RuntimeError("TensorFlow's process ended")

    try:
        ours = "TensorFlow checkpoint, ResNet50, with its crc32c"
        for threads, repeats in ((1, context.repeats), (0, context.repeats)):
            yield side_by_side(
                f"{ours}, {f'{threads} thread' if threads else 'all threads'}",
                lambda t=threads: measure("tf-bundle", prefix, t), "get_tensor of every tensor", lambda: ask("get"),
                repeats=repeats, most=1, goal="faster than reading it with TensorFlow", nbytes=nbytes,
            )  # fmt: skip
        yield side_by_side(
            ours, lambda: measure("tf-bundle", prefix), "TensorBoard's histograms", lambda: ask("summaries"),
            repeats=2, nbytes=nbytes,
        )  # fmt: skip
        taken = seconds(lambda: ask("naive")) / sample
        yield Measurement(f"TensorFlow's reader + numpy + pyplot, per tensor (of {sample})", taken)
    finally:
        process.terminate()
        process.communicate()
