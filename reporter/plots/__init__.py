"""Draw pictures: from numbers to PNG images with an alternative text; the only package that uses matplotlib.

Matplotlib takes long to import. It is imported when the first picture is drawn, not when this package is imported, and
not when a function of it is looked up by name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reporter.plots.bars import global_histogram
    from reporter.plots.curves import lines
    from reporter.plots.density import distribution_heat
    from reporter.plots.evidence import proof
    from reporter.plots.fan import bands
    from reporter.plots.health_map import first_screen
    from reporter.plots.matrix import change_heat
    from reporter.plots.overlay import runs
    from reporter.plots.ridgeline import ridge
    from reporter.plots.sheet import small_multiples
    from reporter.plots.square import each_to_each
    from reporter.plots.stacked import multiples

__all__ = [
    "bands",
    "change_heat",
    "distribution_heat",
    "each_to_each",
    "first_screen",
    "global_histogram",
    "lines",
    "multiples",
    "proof",
    "ridge",
    "runs",
    "small_multiples",
]

MODULES = {
    "global_histogram": "bars",
    "small_multiples": "sheet",
    "ridge": "ridgeline",
    "distribution_heat": "density",
    "bands": "fan",
    "change_heat": "matrix",
    "lines": "curves",
    "each_to_each": "square",
    "runs": "overlay",
    "multiples": "stacked",
    "proof": "evidence",
    "first_screen": "health_map",
}
"""The module that draws each kind of picture."""


def load() -> None:
    """Import all that draws, which takes 0.4 s: before copies of this process draw, which each would do it again."""
    for module in MODULES.values():
        import_module(f"{__name__}.{module}")


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def picture(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)(*args, **kwargs)

    picture.__name__ = name
    return picture
