"""The reader of ``.npz`` and ``.npy`` files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reporter.errors import CheckpointError, RefusedCheckpoint, State
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, Integrity, SkippedTensor
from reporter.readers.files import flat
from reporter.readers.files.npy import HEAD_BYTES, MAGIC, Header, head_of, parse
from reporter.readers.files.window import Window, open_file
from reporter.readers.files.zipped import BOMB_FLOOR, BOMB_RATIO, EMPTY_MAGIC, check_readable, open_zip, place
from reporter.readers.files.zipped import MAGIC as ZIP
from reporter.readers.npz.members import MAX_ROW_BYTES, MemberStream, row_bytes

_PICKLE = "a pickle, which only executing it could read. Save plain numeric arrays, or the model with Keras"


class NumpyReader:
    """``.npz``, an archive of arrays that are named by the keywords they were saved with; ``.npy``, one array.

    An array by itself is more often data than weights: it is measured only where the user names that very file.
    """

    name = "numpy"
    title = "NumPy arrays (.npz, .npy)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim an array, a zip archive of nothing but arrays, or a file that is named ``.npz`` and damaged."""
        if probe.head.startswith(MAGIC):
            return self._claim_array(probe)
        named = probe.path.name.lower().endswith(".npz")
        if probe.head.startswith((ZIP, EMPTY_MAGIC)):
            try:
                with open_file(probe.path) as file, open_zip(Window(probe.path, file)) as archive:
                    names = archive.namelist()
            except CheckpointError as error:
                return self._claim(probe.path, error.reason, error.state) if named else None
            if names and all(name.endswith(".npy") for name in names):
                return self._claim(probe.path)
            reason = "a zip archive without arrays" if not names else "a zip archive of other things than arrays"
            return self._claim(probe.path, reason, State.NO_CHECKPOINT) if named else None
        if not named:
            return None
        if probe.size == 0:
            return self._claim(probe.path, "0 bytes: just opened by a writer, or destroyed", "corrupt")
        return self._claim(probe.path, "named .npz, but its content is no zip archive", "corrupt")

    def _claim_array(self, probe: Probe) -> Claim:
        try:
            with open_file(probe.path) as file:
                header = _header(Window(probe.path, file))
        except CheckpointError as error:
            return self._claim(probe.path, error.reason, error.state)
        if header.pickled:
            return self._claim(probe.path, f"a NumPy array of Python objects: {_PICKLE}", "refused")
        reason = "a NumPy array; name the file itself to measure it"
        return self._claim(probe.path, reason, State.NO_CHECKPOINT, when_named=True)

    def _claim(self, path: Path, problem: str = "", state: str = "", *, when_named: bool = False) -> Claim:
        label = path.name[:-4] if path.name.lower().endswith((".npz", ".npy")) else path.name
        return Claim(self.name, path, (path,), label, problem, state, when_named)

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open a file; the header of every array is checked first.

        Raises:
            CheckpointError: it cannot be read; RefusedCheckpoint if an array is a pickle.
        """
        with open_file(path) as file:
            window = Window(path, file)
            if window.bytes_at(0, len(MAGIC)) == MAGIC:
                found, integrity = [(path.stem, MemberStream(window, _header(window)))], Integrity.LENGTHS
            else:
                found, integrity = list(_members(window)), Integrity.ZIP_CRC32
            tensors, skipped = [], []
            for name, stream in found:
                header = stream.header
                problem = _problem(header)
                if header.pickled:
                    raise RefusedCheckpoint(path, f"{name}.npy is {_PICKLE}")
                if problem:
                    skipped.append(SkippedTensor(name, header.described, header.shape, problem))
                else:
                    tensors.append(flat.tensor(name, header.shape, stream.dtype, stream))
            yield flat.contents(self.name, tensors, skipped, integrity=integrity, framework="NumPy")


def _members(window: Window) -> Iterator[tuple[str, MemberStream]]:
    """The arrays of an archive, in the order in which they were saved."""
    with open_zip(window) as archive:
        infos = archive.infolist()
    declared = sum(info.file_size for info in infos)
    if declared > BOMB_FLOOR and declared > BOMB_RATIO * window.length:
        # Members may overlap, so that each of them is in proportion.
        reason = f"its members declare {declared:,} bytes, the file has {window.length:,}: a zip bomb"
        raise RefusedCheckpoint(window.path, reason)
    for info in infos:
        check_readable(window.path, info)
        name = info.filename.removesuffix(".npy") or info.filename
        yield name, MemberStream(place(window, info), head_of(window, info), info)


def _header(window: Window) -> Header:
    return parse(window.bytes_at(0, HEAD_BYTES), window.length, window.path)


def _problem(header: Header) -> str:
    if row_bytes(header) > MAX_ROW_BYTES:
        return f"in Fortran order with rows of {row_bytes(header):,} bytes: too large to be put into C order"
    return header.problem
