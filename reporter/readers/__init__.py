"""Read: the checkpoint formats, an explicit list. A new format is one file and one line."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reporter.readers.files.block_size import Reader

    READERS: tuple[Reader, ...]


def reader(name: str) -> Reader:
    """The reader of a format by its name."""
    return next(r for r in _readers() if r.name == name)


@cache
def _readers() -> tuple[Reader, ...]:
    """In the order in which they are asked, those of installed packages first; a folder or file belongs to the first
    that claims it.

    They are imported when they are asked for: a child process that parses one format needs no list of all.
    """
    from reporter.readers.external import with_installed
    from reporter.readers.keras import KerasArchiveReader, KerasLegacyReader, KerasShardedReader, KerasWeightsReader
    from reporter.readers.npz import NumpyReader
    from reporter.readers.orbax import OrbaxReader
    from reporter.readers.safetensors import SafetensorsReader
    from reporter.readers.safetensors_index import SafetensorsIndexReader
    from reporter.readers.tensorflow import BundleReader, SavedModelReader, V1Reader

    return with_installed(
        (
            SavedModelReader(),
            OrbaxReader(),
            BundleReader(),
            V1Reader(),
            KerasArchiveReader(),
            KerasWeightsReader(),
            KerasShardedReader(),
            KerasLegacyReader(),
            SafetensorsReader(),
            SafetensorsIndexReader(),
            NumpyReader(),
        )
    )


def __getattr__(name: str) -> Any:
    if name == "READERS":
        return _readers()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
