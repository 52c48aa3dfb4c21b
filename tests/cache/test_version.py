"""Code that measures does not change under a cache that believes in it."""

from __future__ import annotations

from reporter.cache.version import RECORDED, fingerprint


def test_measuring_code_is_the_one_that_the_version_stands_for() -> None:
    assert fingerprint() == RECORDED, (
        "code that measures or reads has changed. If the same file now gives other numbers, names or roles, raise "
        "MEASURING_VERSION in reporter/cache/version.py, so that nothing cached before is used. In either case "
        f"record the new fingerprint there: RECORDED = {fingerprint()!r}"
    )
