"""Files that Keras writes: ``.keras``, ``.weights.h5``, shards of it, and the ``.h5``, ``.hdf5`` of Keras 1 and 2."""

from reporter.readers.keras.readers import KerasArchiveReader, KerasLegacyReader, KerasWeightsReader
from reporter.readers.keras.sharded import KerasShardedReader

__all__ = ["KerasArchiveReader", "KerasLegacyReader", "KerasShardedReader", "KerasWeightsReader"]
