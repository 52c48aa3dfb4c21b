"""Arrays that NumPy saved: ``.npz`` archives of numbers, and single ``.npy`` files. Nothing is ever unpickled."""

from reporter.readers.npz.readers import NumpyReader

__all__ = ["NumpyReader"]
