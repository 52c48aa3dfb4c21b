"""Renderings: pictures and pages that were made before from the same data, by the same code, are not made again."""

from __future__ import annotations

import json
import os
import platform
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from hashlib import sha256
from numbers import Integral
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec
import numpy as np

from reporter.cache import Cache
from reporter.model.blocks import Figure
from reporter.model.page import Page
from reporter.model.reading import of_record, record
from reporter.render.assets import templates_folder

SOURCES = Path(__file__).parents[1]
"""The folder of the whole package: any module of it may decide about a picture or a page."""

P = ParamSpec("P")
T = TypeVar("T", Figure, list[Figure])
R = TypeVar("R")

NO_SOURCES = frozenset({"__pycache__", "llvm_ir"})
"""Folders of no sources: compiled code, and that of the kernels, which decide about numbers."""

INFORMATION = (".dist-info", ".egg-info")
"""Ends of the names of folders in which installed packages say what they are."""

LIBRARIES = ("matplotlib", "pillow", "numpy", "jinja2", "markupsafe", "weasyprint", "pydyf", "fonttools")
"""What else decides about the bytes of a picture, a page or a document."""


class Renderings:
    """Renders what the cache does not hold yet; without a cache folder, everything.

    The key is a hash of all that is rendered and of all that renders it, so nothing ever has to be invalidated.
    """

    def __init__(self, cache: Cache, tell: Callable[[], None] = lambda: None) -> None:
        """Of a cache; ``tell`` is called after each picture or page."""
        self._cache = cache
        self._tell = tell

    def draw(self, picture: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``picture(*args, **kwargs)``, a function of :mod:`reporter.plots`."""
        try:
            return self._drawn(picture, *args, **kwargs)
        finally:
            self._tell()

    def _drawn(self, picture: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._cache.keeps:
            return picture(*args, **kwargs)
        key = key_of(picture.__name__, args, kwargs)
        known: T | None = self._cache.rendering("picture", key, _decoded)
        if known is None:
            known = picture(*args, **kwargs)
            self._cache.keep_rendering("picture", key, _encoded(known))
        return known

    def render(self, render: Callable[[Page], bytes], page: Page) -> tuple[bytes, str]:
        """``render(page)``, and the key for :meth:`rendered`, "" without one."""
        if not self._cache.keeps:
            return render(page), ""
        key = key_of("page", page)
        known = self.rendered(key)
        if known is None:
            known = render(page)
            self._cache.keep_rendering("page", key, known)
        return known, key

    def render_undated(self, render: Callable[[Page], bytes], page: Page, moment: str) -> tuple[bytes, str]:
        """``render(page)`` with another text in place of one of its facts, and that text, which stands nowhere else.

        So a page is rendered once that differs from others in nothing but this fact.

        Args:
            moment: a fact that tells the time.
        """
        undated = replace(page, facts=tuple("" if fact == moment else fact for fact in page.facts))
        key = key_of("undated", undated)
        known = self.rendered(key)
        if known is None:
            known = render(replace(page, facts=tuple(key if fact == moment else fact for fact in page.facts)))
            self._cache.keep_rendering("page", key, known)
        return known, key

    def rendered(self, key: str) -> bytes | None:
        """What :meth:`render` once gave with this key; None if it is not there any more."""
        return self._cache.rendering("page", key, bytes)

    def made_of(
        self,
        substance: str,
        kind: str,
        make: Callable[[], R],
        encode: Callable[[R], bytes],
        decode: Callable[[bytes], R],
    ) -> R:
        """``make()``, of a report with a certain :func:`reporter.cache.substance.substance`.

        Args:
            substance: "" for none: then nothing is known, and nothing is kept.
            kind: letters and dashes.
            encode, decode: what it makes, to bytes and back.
        """
        if not substance:
            return make()
        known = self._cache.rendering(kind, substance, decode)
        if known is None:
            known = make()
            self._cache.keep_rendering(kind, substance, encode(known))
        return known

    def pages_of(self, substance: str) -> Mapping[str, str]:
        """What :meth:`keep_pages` was given; nothing if nothing, or nothing usable."""
        if not substance:
            return {}
        decode = partial(msgspec.msgpack.decode, type=dict[str, str])
        return self._cache.rendering("pages", substance, decode) or {}

    def keep_pages(self, substance: str, keys: Mapping[str, str]) -> None:
        """Keep the keys of the pages of all reports of one substance, by their paths."""
        if substance:
            self._cache.keep_rendering("pages", substance, msgspec.msgpack.encode(keys))

    def document(self, page: Page, attachments: Mapping[str, bytes], dated: bytes) -> tuple[str, bytes | None]:
        """The key of a PDF for :meth:`keep_document`, and the one that was made of the same page and attachments.

        When it is made does not count: an unchanged report keeps its PDF, and that the day on which it was made.

        Args:
            dated: how the attachments write the time of creation.
        """
        if not self._cache.keeps:
            return "", None
        undated = {name: _undated(data, dated) for name, data in attachments.items()}
        key = key_of("document", replace(page, facts=()), undated)
        return key, self._cache.rendering("document", key, bytes)

    def keep_document(self, key: str, pdf: bytes) -> None:
        """Keep a PDF."""
        if self._cache.keeps:
            self._cache.keep_rendering("document", key, pdf)


def _undated(data: bytes, dated: bytes) -> str:
    """A hash of what is left of an attachment without the time, whose copy may take a hundred megabytes."""
    digest, view, at = sha256(), memoryview(data), 0
    while (found := data.find(dated, at)) >= 0:
        digest.update(view[at:found])
        at = found + len(dated)
    digest.update(view[at:])
    return digest.hexdigest()


_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str), (float, float), (Integral, int), (Mapping, dict), (Sequence, list),
)  # fmt: skip
"""Kinds of classes such as ``np.float64``, and what they are turned into."""


def plain(value: object) -> Any:
    """What msgspec does not know, as something that differs wherever the value does.

    Raises:
        TypeError: it may hold what cannot be seen from here.
    """
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return ["array", value.dtype.str, value.shape, value.tobytes()]
    for known, turned in _PLAIN:
        if isinstance(value, known):
            return turned(value)
    raise TypeError(f"{type(value).__name__} in a picture or page: not known how to tell two apart")


def key_of(*what: Any, plain: Callable[[object], Any] = plain) -> str:
    """A hash of values of any kind: of dataclasses the names and values of all fields, NaN and -0.0 as they are.

    A page of a large model has 6,000 cells. msgspec writes these in an eighth of the time that Python's encoder of JSON
    takes, which was half as long as rendering the page.

    Args:
        plain: what msgspec does not know, as something that differs wherever the value does.

    Raises:
        TypeError: by ``plain``.
    """
    every = [program(), *what]
    try:
        data = msgspec.msgpack.encode(every, enc_hook=plain)
    except (UnicodeEncodeError, OverflowError):  # bytes of names that are no UTF-8, integers of more than 64 bits
        data = json.dumps(msgspec.to_builtins(every, enc_hook=plain)).encode()
    return sha256(data).hexdigest()[:40]


def _encoded(figures: Figure | list[Figure]) -> bytes:
    """A line of JSON about every figure, followed by their PNGs."""
    every = figures if isinstance(figures, list) else [figures]
    facts = [
        (f.name, len(f.png), f.width, f.height, f.alt, f.caption, f.shaded, [record(area) for area in f.reading])
        for f in every
    ]
    head = json.dumps({"list": isinstance(figures, list), "figures": facts}).encode()
    return b"".join([head, b"\n", *(f.png for f in every)])


def _decoded(data: bytes) -> Any:
    """The inverse of :func:`_encoded`."""
    head, _, pngs = data.partition(b"\n")
    facts, figures, at = json.loads(head), [], 0
    for name, length, width, height, alt, caption, shaded, areas in facts["figures"]:
        reading = tuple(of_record(*area) for area in areas)
        figures.append(Figure(name, pngs[at : at + length], width, height, alt, caption, shaded, reading))
        at += length
    return figures if facts["list"] else figures[0]


@cache
def program() -> str:
    """Changes with any source of this program, what it prints from files, and any version of what draws and prints."""
    digest = sha256()
    for folder in (SOURCES, templates_folder()):
        for name in _sources(str(folder)):
            with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 (hundreds of files, in every run)
                digest.update(name.encode() + b"\0" + file.read() + b"\0")
    digest.update("\n".join([platform.python_version(), zlib.ZLIB_RUNTIME_VERSION, *versions()]).encode())
    return digest.hexdigest()


def _sources(folder: str, below: str = "") -> Iterator[str]:
    """The paths, in a folder, of all files in it but for :data:`NO_SOURCES`."""
    with os.scandir(f"{folder}/{below}") as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir():
            if entry.name not in NO_SOURCES:
                yield from _sources(folder, f"{below}{entry.name}/")
        else:
            yield f"{below}{entry.name}"


def versions() -> Iterator[str]:
    """The names and versions of :data:`LIBRARIES`, wherever they are installed, as their folders there are called.

    To ask ``importlib.metadata`` takes 15 ms, nearly all of it to import the parser of e-mails. It is asked for a
    library that is installed in another way.
    """
    found = []
    for folder in sys.path:
        with suppress(OSError):
            found += [name for name in os.listdir(folder or ".") if name.endswith(INFORMATION)]  # noqa: PTH208
    for library in LIBRARIES:
        installed = sorted(name for name in found if name.lower().startswith(f"{library}-"))
        yield from installed or [_version(library)]


def _version(library: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(library)
    except PackageNotFoundError:
        return ""
