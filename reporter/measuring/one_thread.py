"""Linear algebra on one thread: the same result on every machine, and no fight for a core with other processes."""

from __future__ import annotations

from contextlib import AbstractContextManager


def one_thread() -> AbstractContextManager[object]:
    """While it is open, BLAS and LAPACK use the calling thread only.

    Measured on two busy cores: the singular values of a 512 × 256 matrix take 4.6 s with OpenBLAS's own two threads,
    which spin while they wait for each other, and 0.03 s with one.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits
