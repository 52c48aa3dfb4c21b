"""Renderer: what draws a picture, or knows it from an earlier run."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from reporter.model.blocks import Figure

P = ParamSpec("P")
T = TypeVar("T", Figure, list[Figure])


class Renderer(Protocol):
    """Draws a picture, or returns the one that was drawn from the same numbers before.

    :mod:`reporter.cache.renderings` implements it.
    """

    def draw(self, picture: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``picture(*args, **kwargs)``, drawn now or taken from the cache."""
        ...
