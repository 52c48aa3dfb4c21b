"""`ckpt-report warm-up` and `ckpt-report doctor`: make an installation ready, and say what it lacks."""

from __future__ import annotations

import argparse
import json
import os
import struct
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from reporter.cli.commands import INCOMPLETE, OK
from reporter.settings.options import default_cache

DTYPES = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8, "I8": 1, "I64": 8}
"""Of the checkpoints that are measured to warm up, and the bytes of a value: each is read by a kernel of its own."""

SIDE = 64
"""Rows and columns of their matrices."""

PANGO = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


def warm_up(arguments: argparse.Namespace) -> int:
    """Compile all kernels, and fill the caches of the libraries that draw, by a report on checkpoints made for it."""
    from reporter.measuring.kernels import kept_in
    from reporter.pipeline import run
    from reporter.settings.model import Settings
    from reporter.terminal.progress import Progress

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "ckpts")
        folder.mkdir()
        for step in (1, 2, 3):
            _write(folder / f"m-{step}.safetensors", step)
        settings = Settings(roots=(folder,), out=Path(name, "out"), cache=None, spectral=True, quantiles=(0.1234, 0.5))
        outcome = run(settings, Progress())
    print(f"kernels are kept in {kept_in() or 'no folder: none can be written'}")
    if outcome.pdf_problem:
        print(f"no PDF: {outcome.pdf_problem}")
    return OK if kept_in() and not outcome.pdf_problem else INCOMPLETE


def _write(path: Path, step: int) -> None:
    """A safetensors file with a matrix of every dtype, whose bytes are small finite numbers in each of them."""
    header, blocks, at = {}, [], 0
    for dtype, width in DTYPES.items():
        count = SIDE * SIDE
        block = bytes((step * 7 + i * 13) % 60 for i in range(count * width))
        header[f"{dtype}.kernel"] = {"dtype": dtype, "shape": [SIDE, SIDE], "data_offsets": [at, at + len(block)]}
        blocks.append(block)
        at += len(block)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def doctor(arguments: argparse.Namespace) -> int:
    """Say what is missing, with the line that mends it."""
    problems = 0
    for what, problem, remedy in _examined(arguments.out):
        problems += bool(problem)
        print(f"{'missing' if problem else 'ok     '}  {what}{': ' + problem if problem else ''}")
        if problem:
            print(f"         {remedy}")
    return INCOMPLETE if problems else OK


def _examined(out: Path) -> Iterator[tuple[str, str, str]]:
    """What was looked at, what is wrong with it, "" if nothing is, and what mends that."""
    from reporter.measuring.kernels import ready

    yield "Pango and HarfBuzz-Subset, for the PDF", _pdf(), f"sudo apt-get install {PANGO}"
    yield "fonts, for the PDF", _fonts(), "sudo apt-get install fonts-dejavu-core"
    yield (
        f"output folder {out}",
        _unwritable(out),
        f"mkdir -p '{out}' && chmod u+rwx '{out}', or another one with -o DIR",
    )
    cache = default_cache()
    remedy = "export CKPT_REPORT_CACHE=/a/folder/that/can/be/written"
    problem = "this user has no home" if cache is None else _unwritable(cache)
    yield f"cache folder {cache or ''}".rstrip(), problem, remedy
    yield "compiled kernels", "" if ready() else "the first run compiles them, a few seconds", "ckpt-report warm-up"
    found = find_spec("tensorflow") is not None
    yield "TensorFlow, for V1 checkpoints", "" if found else "not installed", "pip install tensorflow"


def _pdf() -> str:
    import warnings

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            __import__("weasyprint")
        except (ImportError, OSError) as error:
            return str(error).splitlines()[0]
    return next((str(w.message).splitlines()[0] for w in told if "HarfBuzz" in str(w.message)), "")


def _fonts() -> str:
    places = ("/usr/share/fonts", "/usr/local/share/fonts", os.path.expanduser("~/.fonts"), "/Library/Fonts")  # noqa: PTH111
    for place in places:
        for _, _, names in os.walk(place):
            if any(name.lower().endswith((".ttf", ".otf", ".ttc", ".pfb")) for name in names):
                return ""
    return "none found"


def _unwritable(folder: Path) -> str:
    """Why no file can be written in a folder, which need not exist yet; "" if one can."""
    existing = next((parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            return ""
    except OSError as error:
        return f"{existing} cannot be written ({error.strerror})"
