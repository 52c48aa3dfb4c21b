"""Untrusted HDF5, in a child process: opened without a lock, walked without leaving the file, sizes checked.

Only this folder imports h5py, and it runs nowhere but behind :mod:`reporter.readers.isolation`: on files with flipped
bits libhdf5 1.14 was seen to loop for ever (``H5HG__cache_heap_deserialize``), to crash, and to corrupt its memory
(fractal heaps). Limits are Keras's own where it has any (keras/src/saving/saving_lib.py, ``safe_get_h5_dataset``;
CVE-2026-0897 shape bombs, CVE-2026-1669 external storage).
"""

from reporter.readers.keras.hdf5_parsing.parsing import open_parsing

__all__ = ["open_parsing"]
