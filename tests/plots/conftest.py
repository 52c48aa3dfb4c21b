"""Fixtures of these tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def painted() -> None:
    """Here pictures are looked at."""
