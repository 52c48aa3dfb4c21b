"""The kinds of parsers that are kept in child processes."""

from __future__ import annotations

from reporter.frozen import dataclass
from reporter.readers.isolation.limits import Limits


@dataclass(frozen=True, slots=True)
class Kind:
    """A parser that is kept in a child.

    Attributes:
        module: with ``open_parsing``; nothing but the child imports it.
        library: who parses, for messages: "the HDF5 library".
        limits: what it may use.
        missing: what to install if its library cannot be imported.
        environment: variables it is started with.
        by_need: whether its ``open_parsing`` takes ``need``, a function that it calls with the start and stop of what
            it is about to read of its file. Only that is then fetched of an object of a store; for others, all of it.
    """

    module: str
    library: str
    limits: Limits
    missing: str
    environment: tuple[tuple[str, str], ...] = ()
    by_need: bool = False
