"""The reports that golden files and independent numbers are held against, built once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import reporter
from reporter.model.page import Page
from reporter.model.report import Report
from reporter.sections import report_page
from reporter.writers.report_json import report_record
from tests.make import built
from tests.make.rich import Arrays, Rich
from tests.writers.expected import SERIES
from tests.writers.reading import MAIN


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


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """Of report.json."""
    path = Path(reporter.__file__).parent / "writers" / "report.schema.json"
    return dict(json.loads(path.read_text("utf-8")))


@pytest.fixture(scope="session")
def record(rich: Rich) -> dict[str, Any]:
    """report.json as a reader of it sees it."""
    return dict(json.loads(json.dumps(report_record(rich.report))))


@pytest.fixture(scope="session", params=["html", "pdf"])
def page(rich: Rich, request: pytest.FixtureRequest) -> Page:
    """The report's page, in either medium."""
    return report_page(rich.report, request.param)


@pytest.fixture(scope="session")
def main(rich: Rich) -> list[Arrays]:
    """The checkpoints of the longest series."""
    return [rich.arrays[name] for name in SERIES[MAIN]]
