"""Files that Keras writes: ``.keras``, ``.weights.h5``, and the ``.h5`` and ``.hdf5`` files of Keras 1 and 2."""

from reporter.readers.keras.readers import KerasArchiveReader, KerasLegacyReader, KerasWeightsReader

__all__ = ["KerasArchiveReader", "KerasLegacyReader", "KerasWeightsReader"]
