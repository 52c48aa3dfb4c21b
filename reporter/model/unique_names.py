"""Names that are given out once: one that comes again gets a number."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class UniqueNames:
    """Remembers which names were given out.

    >>> names = UniqueNames()
    >>> [names.take(name) for name in ("kernel", "kernel_1", "kernel", "kernel")]
    ['kernel', 'kernel_1', 'kernel_2', 'kernel_3']
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """Args:
        taken: names that were given out already.
        """
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def take(self, name: str, again: Callable[[int], str] | None = None) -> str:
        """A name that was not given out before: this one, or the first free one of its variants.

        Args:
            again: makes the variants, from 1, 2, 3 …; by default the name with the number behind an underscore.
        """
        variant = again or (lambda number: f"{name}_{number}")
        chosen, first = name, variant(1)
        number = self._numbers.get(first, 0)  # where the search for this name ended the last time: it may come often
        while chosen in self._taken:
            number += 1
            chosen = variant(number)
        self._numbers[first] = number
        self._taken.add(chosen)
        return chosen
