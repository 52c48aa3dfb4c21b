"""The members of a ``.keras`` zip archive, and of the same files in a folder: read in place, never extracted by name.

Keras stores members uncompressed, so the HDF5 file inside is read through a window. A member that somebody has
compressed is spooled to an anonymous temporary file.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from reporter.errors import CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint, UnsupportedCheckpoint
from reporter.frozen import dataclass
from reporter.model.tensor import Integrity
from reporter.readers.files.npy import pickled_member
from reporter.readers.files.summed import SummedWindow
from reporter.readers.files.window import Window, open_file
from reporter.readers.files.zipped import MAGIC, check_readable, inflated, open_zip, place, stored, translated
from reporter.readers.keras_model.config import MAX_CONFIG

CONFIG, METADATA, WEIGHTS, WEIGHTS_NPZ = "config.json", "metadata.json", "model.weights.h5", "model.weights.npz"
ASSETS = "assets/"


@dataclass(frozen=True, slots=True)
class Members:
    """What a Keras model consists of, opened.

    Attributes:
        config: text of ``config.json``.
        metadata: text of ``metadata.json``.
        weights: the HDF5 file.
        assets: paths of other files that layers have stored, such as vocabularies.
        integrity: the check that is made.
        verify: completes it; raises CorruptCheckpoint.
    """

    config: bytes
    metadata: bytes
    weights: Window
    assets: tuple[str, ...]
    integrity: Integrity
    verify: Callable[[], None]


@contextmanager
def open_archive(path: Path) -> Iterator[Members]:
    """Open a ``.keras`` file; the CRC-32 of its members is checked, that of uncompressed weights by ``verify``.

    Raises:
        PartialCheckpoint: its central directory or its weights are missing.
        CorruptCheckpoint: a CRC-32 or a header is wrong.
        RefusedCheckpoint: it is encrypted, or a member is out of proportion to what is stored.
        RefusedCheckpoint: the weights are pickles (npz).
    """
    with ExitStack() as stack:
        file = stack.enter_context(open_file(path))
        window = Window(path, file)
        archive = stack.enter_context(open_zip(window))
        with translated(path):
            infos = {info.filename: info for info in archive.infolist()}
            if WEIGHTS not in infos:
                _no_weights(path, _npz_member(window, infos))
            config, metadata = (_small(path, archive, infos, name) for name in (CONFIG, METADATA))
            weights = _weights(stack, window, infos[WEIGHTS])
        assets = tuple(name for name in infos if name.startswith(ASSETS) and not name.endswith("/"))
        yield Members(config, metadata, weights, assets, Integrity.ZIP_CRC32, getattr(weights, "verify", _verified))


@contextmanager
def open_folder(path: Path) -> Iterator[Members]:
    """Open the same members where they lie in a folder (``save_model(…, zipped=False)``).

    Raises:
        CheckpointError: one of them is missing or cannot be read.
    """
    with ExitStack() as stack:
        texts = []
        for name in (CONFIG, METADATA):
            window = Window(path / name, stack.enter_context(open_file(path / name)))
            if window.length > MAX_CONFIG:
                raise RefusedCheckpoint(path, f"{name} takes {window.length:,} bytes")
            texts.append(window.bytes_at(0, window.length))
        found = next((path / name for name in (WEIGHTS, WEIGHTS_NPZ) if (path / name).exists()), None)
        if found is None:
            _no_weights(path, None)
        weights = Window(found, stack.enter_context(open_file(found)))
        # Keras 3.15, asked for npz in a folder, was seen to give the archive the name of the HDF5 file.
        if found.name == WEIGHTS_NPZ or weights.bytes_at(0, 4) == MAGIC:
            _no_weights(path, weights)
        assets = tuple(sorted(p.relative_to(path).as_posix() for p in (path / ASSETS).rglob("*") if p.is_file()))
        yield Members(texts[0], texts[1], weights, assets, Integrity.LENGTHS, _verified)


def _verified() -> None:
    """Nothing is left to check."""


def member_names(path: Path) -> frozenset[str]:
    """Names of the members of a zip archive, from its central directory.

    Raises:
        PartialCheckpoint: it has no central directory.
        CheckpointError: it is damaged or out of proportion.
    """
    with open_file(path) as file, open_zip(Window(path, file)) as archive:
        return frozenset(archive.namelist())


def _npz_member(window: Window, infos: dict[str, zipfile.ZipInfo]) -> Window | None:
    """The NumPy archive inside, which Keras stores uncompressed; None where there is none."""
    info = infos.get(WEIGHTS_NPZ)
    if info is None:
        return None
    check_readable(window.path, info)
    if info.compress_type != zipfile.ZIP_STORED:
        raise UnsupportedCheckpoint(window.path, f"its weights are in {WEIGHTS_NPZ}, compressed; {ADVICE}")
    return stored(window, info)


ADVICE = f"with h5py installed, `model.save` writes {WEIGHTS}, which is read"


def _no_weights(path: Path, npz: Window | None) -> NoReturn:
    """Say why an archive without ``model.weights.h5`` is not read.

    Keras's ``NpzIOStore`` (keras/src/saving/saving_lib.py) keeps each layer as a dict, which NumPy can only pickle, and
    Keras 3.15 then refuses to load what it saved.
    """
    if npz is None:
        raise PartialCheckpoint(path, f"it holds no {WEIGHTS}")
    member = pickled_member(npz)
    if member:
        reason = f"its weights are pickles (an npz archive with {member}), which only executing them could read"
        raise RefusedCheckpoint(path, f"{reason}; {ADVICE}")
    raise UnsupportedCheckpoint(path, f"its weights are in {WEIGHTS_NPZ}, in no layout that Keras writes; {ADVICE}")


def _small(path: Path, archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    info = infos.get(name)
    if info is None:
        raise CorruptCheckpoint(path, f"it holds no {name}")
    if info.file_size > MAX_CONFIG:
        raise RefusedCheckpoint(path, f"{name} takes {info.file_size:,} bytes")
    check_readable(path, info)
    return archive.read(info)


def _weights(stack: ExitStack, window: Window, info: zipfile.ZipInfo) -> Window:
    check_readable(window.path, info)
    if info.compress_type == zipfile.ZIP_STORED:
        part = place(window, info)
        return SummedWindow(part.path, part.file, part.offset, part.length, info.filename, info.CRC, window.buffers)
    spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    for block in inflated(place(window, info), info):
        spool.write(block)
    spool.flush()
    return Window(window.path, spool, 0, info.file_size)
