"""The reports that golden files and independent numbers are held against, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from reporter.model.report import Report
from tests.make import built
from tests.make.rich import Rich


@pytest.fixture(scope="session")
def rich() -> Rich:
    """A folder in which everything happens, and the report on it."""
    return built.rich()


@pytest.fixture(scope="session")
def story() -> Report:
    """The report on a single series."""
    return built.story()


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of golden files."""
    return Path(__file__).parents[1] / "golden"
