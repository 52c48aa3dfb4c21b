"""Measure time and memory of a report over very many checkpoints, whose numbers all come from a fabricated cache.

``python -m bench.scale [CHECKPOINTS] [TENSORS] [--pdf]``. Run it under ``/usr/bin/time -v`` to compare its figures with
those of the system. No weight is read: the files of the checkpoints have no tensors, and to open one would fail.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import struct
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reporter.cache import GRID, Folder, pairs
from reporter.cache.entry import encode
from reporter.cache.identity import identity
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.tensor import Contents, LayerInfo
from reporter.pipeline import run
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.sources import ArraySource

VARIANTS = 5
"""Number of different sets of weights; checkpoint i has the set i modulo this."""


def contents(variant: int, tensors: int) -> Contents:
    """A checkpoint in memory: layers with a kernel and a bias, and a slot of the optimizer for each of these."""
    rng, moved = np.random.default_rng(0), np.random.default_rng(variant + 1)
    sources: list[ArraySource] = []
    slots: list[ArraySource] = []
    for i in range(-(-tensors // 4)):
        layer = f"block_{i // 6}/dense_{i}"
        kernel, bias = (_state(rng, moved, shape, std) for shape, std in (((64, 48), 0.05), ((48,), 1.0)))
        sources += [
            ArraySource(kernel, f"{layer}/kernel", layer),
            ArraySource(bias, f"{layer}/bias", layer, "bias"),
        ]
        slots += [
            ArraySource(kernel * 0 + bias, f"optimizer/{layer}/kernel/m", layer, "momentum", None, "optimizer"),
            ArraySource(bias * bias, f"optimizer/{layer}/bias/v", layer, "velocity", None, "optimizer"),
        ]
    everything = (sources + slots)[:tensors]
    layers = dict.fromkeys(s.layer for s in everything)
    return Contents("safetensors", tuple(LayerInfo(name, "Dense") for name in layers), tuple(everything))


def _state(
    rng: np.random.Generator, moved: np.random.Generator, shape: tuple[int, ...], std: float
) -> npt.NDArray[np.float32]:
    """Weights of a training that goes on: the same ones everywhere, and a hundredth of them that is this variant's."""
    return (std * (rng.standard_normal(shape) + 0.01 * moved.standard_normal(shape))).astype("f4")


def fabricate(folder: Path, cache: Path, checkpoints: int, tensors: int) -> None:
    """Write files that look like checkpoints, and a cache that holds their numbers.

    Equal files of the cache are written once, and are hard links otherwise.

    Args:
        folder: for the files of the checkpoints.
        cache: folder of the cache.
        checkpoints: how many.
        tensors: how many each has.
    """
    folder.mkdir(parents=True)
    text = b'{"__metadata__":{"format":"np"}}' + b" " * 40
    shells = [folder / f"model-{step}.safetensors" for step in range(1, checkpoints + 1)]
    for shell in shells:
        shell.write_bytes(struct.pack("<Q", len(text)) + text)
    keys = [identity("safetensors", (shell,)) for shell in shells]
    files, written = Folder(cache), dict[object, Path]()

    def write(what: object, path: Path, content: Callable[[], bytes]) -> None:
        if what not in written:
            files.write(path, content())
            written[what] = path
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(written[what], path)

    plan, measured = Plan("model", GRID), "2026-01-01T00:00:00+00:00"
    header = {"step": None, "step_source": "", "save_counter": None, "measured": measured}
    variants = [contents(i, tensors) for i in range(min(VARIANTS, checkpoints))]
    places = {source.info.name: i for i, source in enumerate(variants[0].tensors)}

    def checkpoint(v: int) -> bytes:
        return encode(header, variants[v], {"model": measure_checkpoint(variants[v], plan)[0]})

    def changes(v: int, w: int) -> bytes:
        return pairs.encode({}, compare_contents(variants[v], variants[w]), places)

    for i, key in enumerate(keys):
        v = i % len(variants)
        write(v, files.path(key, "checkpoint"), partial(checkpoint, v))
        for j in {0, i - 1} if i else set():
            w = j % len(variants)
            write((w, v), files.path(key, f"{keys[j]}.changes"), partial(changes, w, v))


def main() -> None:
    """Run the report, and print its time by stage, its peak memory, and the sizes of its files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="?", type=int, default=1000)
    parser.add_argument("tensors", nargs="?", type=int, default=1000)
    parser.add_argument("--pdf", action="store_true", help="make the PDF as well")
    parser.add_argument("--folder", type=Path, help="fabricate here, once, and only report the next time")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="scale-"))
    if not (folder / "ckpts").is_dir():
        # In a process of its own, so that its memory is not counted.
        worker = multiprocessing.get_context("fork").Process(
            target=fabricate, args=(folder / "ckpts", folder / "cache", arguments.checkpoints, arguments.tensors)
        )
        worker.start()
        worker.join()
    settings = Settings(roots=(folder / "ckpts",), out=folder / "out", cache=folder / "cache", pdf=arguments.pdf)
    started = time.perf_counter()
    outcome = run(settings, Progress(quiet=True))
    seconds = time.perf_counter() - started
    assert outcome.read == 0 and outcome.report.checkpoints == arguments.checkpoints
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{arguments.checkpoints} checkpoints x {arguments.tensors} tensors: {seconds:.1f} s, {peak:.0f} MiB")
    print("  ".join(f"{stage} {taken:.1f}" for stage, taken in outcome.report.timings.items()))
    for file in sorted(p for p in outcome.folder.iterdir() if p.is_file()):
        print(f"{file.name:<16}{file.stat().st_size / 1e6:10.2f} MB")
    pages = list((outcome.folder / "checkpoints").iterdir())
    print(f"{len(pages)} pages of checkpoints, {sum(p.stat().st_size for p in pages) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
