"""Code that measures does not change under a cache that believes in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import reporter
from reporter.cache.version import RECORDED
from reporter.measuring.checkpoint import measure_checkpoint
from reporter.measuring.deployment import measure_deployment
from reporter.measuring.pairs import compare_contents
from reporter.measuring.spectral import measure_spectra
from reporter.readers.opening import open_checkpoint
from reporter.readers.quantised import labelled
from tests.cache.code import Sources, digest, reached, sources

ENTRIES: tuple[Callable[..., Any], ...] = (
    open_checkpoint,
    measure_checkpoint,
    compare_contents,
    measure_deployment,
    measure_spectra,
)
"""Whatever is kept in the cache about a file comes out of one of these."""


def code(of: Sources) -> dict[str, str]:
    """All that decides about the numbers, names and roles of a file: the modules of the entries, and all below."""
    return reached(of, (f.__module__ for f in ENTRIES))


@pytest.fixture(scope="module")
def package() -> dict[str, str]:
    return sources(reporter)


def test_measuring_code_is_the_one_that_the_version_stands_for(package: dict[str, str]) -> None:
    now = digest(code(package))
    assert now == RECORDED, (
        "code that measures or reads has changed. If the same file now gives other numbers, names or roles, raise "
        "MEASURING_VERSION in reporter/cache/version.py, so that nothing cached before is used. In either case "
        f"record the new hash there: RECORDED = {now!r}"
    )


def test_all_that_reads_and_measures_is_found(package: dict[str, str]) -> None:
    """Also parsers that only a child process loads; not the readers' side that never sees a file, nor what draws."""
    found = code(package).keys()
    read = {name for name in package if name.startswith(("reporter.readers", "reporter.measuring"))}
    assert read - found == {
        "reporter.readers.live",
        "reporter.readers.live_arrays",
        "reporter.readers.live_objects",
        "reporter.readers.keras_model",  # nothing but a docstring
        "reporter.measuring.kinds",  # what diff tells of two files, and nothing keeps
        "reporter.measuring.directions",
        "reporter.measuring.fingerprint",
        "reporter.measuring.grids",
    }
    assert {"reporter.readers.quantised", "reporter.model.role", "reporter.derive.statistics"} <= found
    assert not [name for name in found if name.startswith(("reporter.rules", "reporter.plots", "reporter.sections"))]


def test_an_edit_of_what_every_read_applies_is_seen(package: dict[str, str]) -> None:
    name = labelled.__module__
    edited = package[name].replace("return", "pass; return", 1)
    assert edited != package[name]
    assert digest(code({**package, name: edited})) != digest(code(package))


def test_a_comment_a_docstring_or_a_line_break_is_no_change(package: dict[str, str]) -> None:
    for name, text in package.items():
        if name in (labelled.__module__, "reporter.readers.safetensors", "reporter.measuring.checkpoint"):
            docstring = text.split('"""')[1]
            edited = text.replace(docstring, f"Other words. {docstring}", 1) + "\n\n# A remark.\n"
            assert digest(code({**package, name: edited})) == digest(code(package)), name
