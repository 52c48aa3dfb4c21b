"""Read: the checkpoint formats, an explicit list. A new format is one file and one line."""

from __future__ import annotations

from reporter.readers.base import Reader
from reporter.readers.keras import KerasArchiveReader, KerasLegacyReader, KerasWeightsReader
from reporter.readers.orbax import OrbaxReader
from reporter.readers.safetensors import SafetensorsReader
from reporter.readers.tensorflow import BundleReader, SavedModelReader, V1Reader

READERS: tuple[Reader, ...] = (
    SavedModelReader(),
    OrbaxReader(),
    BundleReader(),
    V1Reader(),
    KerasArchiveReader(),
    KerasWeightsReader(),
    KerasLegacyReader(),
    SafetensorsReader(),
)
"""In the order in which they are asked; a folder or file belongs to the first that claims it."""


def reader(name: str) -> Reader:
    """The reader of a format by its name."""
    return next(r for r in READERS if r.name == name)
