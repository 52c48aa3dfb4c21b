"""Read: the checkpoint formats, an explicit list. A new format is one file and one line."""

from __future__ import annotations

from reporter.readers.external import with_installed
from reporter.readers.files.block_size import Reader
from reporter.readers.keras import KerasArchiveReader, KerasLegacyReader, KerasShardedReader, KerasWeightsReader
from reporter.readers.npz import NumpyReader
from reporter.readers.orbax import OrbaxReader
from reporter.readers.safetensors import SafetensorsReader
from reporter.readers.safetensors_index import SafetensorsIndexReader
from reporter.readers.tensorflow import BundleReader, SavedModelReader, V1Reader

READERS: tuple[Reader, ...] = with_installed(
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
"""In the order in which they are asked, those of installed packages first; a folder or file belongs to the first that
claims it."""


def reader(name: str) -> Reader:
    """The reader of a format by its name."""
    return next(r for r in READERS if r.name == name)
