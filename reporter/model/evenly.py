"""Choose some of many places, evenly spread."""

from __future__ import annotations


def evenly(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` indices, evenly spread, with the first and the last; of one, the last.

    >>> evenly(3, 5), evenly(101, 3), evenly(7, 4), evenly(5, 1)
    ([0, 1, 2], [0, 50, 100], [0, 2, 4, 6], [4])
    """
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)] if most > 1 else [count - 1]
