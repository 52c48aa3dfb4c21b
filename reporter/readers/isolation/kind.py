"""The kinds of parsers that are kept in child processes."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    module: str
    library: str
    limits: Limits
    missing: str
    environment: tuple[tuple[str, str], ...] = ()
