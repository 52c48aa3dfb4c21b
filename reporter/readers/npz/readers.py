"""The readers of ``.npz`` and ``.npy`` files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reporter.errors import CheckpointError, RefusedCheckpoint
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, SkippedTensor
from reporter.readers.files import flat
from reporter.readers.files.window import Window, open_file
from reporter.readers.files.zipped import BOMB_FLOOR, BOMB_RATIO, EMPTY_MAGIC, check_readable, open_zip, place
from reporter.readers.files.zipped import MAGIC as ZIP
from reporter.readers.npz.header import HEAD_BYTES, MAGIC, Header, head_of, parse
from reporter.readers.npz.members import SLAB_BYTES, MemberStream, row_bytes

_LFS = b"version https://git-lfs"
_INSTEAD = "Save plain numeric arrays with numpy.savez, or the model with Keras"


class NpzReader:
    """``.npz``: a zip archive of arrays, each named by the keyword it was saved with."""

    name = "npz"
    title = "NumPy archive (.npz)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a zip archive of nothing but arrays, or a file that is named like one and is damaged."""
        path, named = probe.path, probe.path.name.lower().endswith(".npz")
        label = path.name[:-4] if named else path.name
        if probe.head.startswith((ZIP, EMPTY_MAGIC)):
            try:
                with open_file(path) as file, open_zip(Window(path, file)) as archive:
                    names = archive.namelist()
            except CheckpointError as error:
                return Claim(self.name, path, (path,), label, error.reason, error.state) if named else None
            if names and all(name.endswith(".npy") for name in names):
                return Claim(self.name, path, (path,), label)
            reason = "a zip archive without arrays" if not names else "a zip archive of other things than arrays"
            return Claim(self.name, path, (path,), label, reason, "not a checkpoint") if named else None
        if not named or probe.head.startswith(_LFS):
            return None
        if probe.size == 0:
            return Claim(self.name, path, (path,), label, "0 bytes: just opened by a writer, or destroyed", "corrupt")
        return Claim(self.name, path, (path,), label, "named .npz, but its content is no zip archive", "corrupt")

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open an archive; the header of every member is checked first.

        Raises:
            CheckpointError: it cannot be read; RefusedCheckpoint if a member is a pickle.
        """
        with open_file(path) as file, open_zip(Window(path, file)) as archive:
            window, infos = Window(path, file), archive.infolist()
            declared = sum(info.file_size for info in infos)
            if declared > BOMB_FLOOR and declared > BOMB_RATIO * window.length:
                # Members may overlap, so that each of them is in proportion.
                reason = f"its members declare {declared:,} bytes, the file has {window.length:,}: a zip bomb"
                raise RefusedCheckpoint(path, reason)
            tensors, skipped = [], []
            for info in infos:
                check_readable(path, info)
                header = head_of(window, info)
                if header.pickled:
                    reason = f"{info.filename} is a pickle, which only executing it could read. {_INSTEAD}"
                    raise RefusedCheckpoint(path, reason)
                name, problem = info.filename.removesuffix(".npy"), _problem(header)
                if problem:
                    skipped.append(SkippedTensor(name, header.described, header.shape, problem))
                else:
                    stream = MemberStream(place(window, info), header, info)
                    tensors.append(flat.tensor(name, header.shape, stream.dtype, stream))
            yield flat.contents(self.name, tensors, skipped, integrity="zip crc32", framework="NumPy")


class NpyReader:
    """``.npy``: a single array; more often data than weights, so only one that is named explicitly is measured."""

    name = "npy"
    title = "NumPy array (.npy)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a file with NumPy's magic."""
        path, named = probe.path, probe.path.name.lower().endswith(".npy")
        if not probe.head.startswith(MAGIC):
            return None
        label = path.name[:-4] if named else path.name
        try:
            with open_file(path) as file:
                header = _header(Window(path, file))
        except CheckpointError as error:
            return Claim(self.name, path, (path,), label, error.reason, error.state)
        if header.pickled:
            reason = f"a NumPy array of Python objects: a pickle, which only executing it could read. {_INSTEAD}"
            return Claim(self.name, path, (path,), label, reason, "refused")
        reason = "a NumPy array; name the file itself to measure it"
        return Claim(self.name, path, (path,), label, reason, "not a checkpoint", when_named=True)

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open a file.

        Raises:
            CheckpointError: it cannot be read; RefusedCheckpoint if it is a pickle.
        """
        with open_file(path) as file:
            window = Window(path, file)
            header, name = _header(window), path.stem
            if header.pickled:
                raise RefusedCheckpoint(path, f"it is a pickle, which only executing it could read. {_INSTEAD}")
            problem, stream = _problem(header), MemberStream(window, header)
            skipped = [SkippedTensor(name, header.described, header.shape, problem)] if problem else []
            tensors = [] if problem else [flat.tensor(name, header.shape, stream.dtype, stream)]
            yield flat.contents(self.name, tensors, skipped, integrity="lengths", framework="NumPy")


def _header(window: Window) -> Header:
    return parse(window.bytes_at(0, HEAD_BYTES), window.length, window.path)


def _problem(header: Header) -> str:
    if row_bytes(header) > SLAB_BYTES:
        return f"in Fortran order with rows of {row_bytes(header):,} bytes: too large to be put into C order"
    return header.problem
