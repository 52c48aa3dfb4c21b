"""Orbax checkpoints: folders that ``orbax.checkpoint`` and Keras's ``OrbaxCheckpoint`` write."""

from reporter.readers.orbax.reader import OrbaxReader

__all__ = ["OrbaxReader"]
