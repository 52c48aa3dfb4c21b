"""What the examples in docstrings need; everything else is in ``tests/conftest.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from _pytest.doctest import DoctestItem

collect_ignore = ["reporter/readers/tensorflow/v1_parsing.py"]
"""Has no examples, and leaves a part of TensorFlow where it is imported before TensorFlow is."""


@pytest.fixture(autouse=True)
def examples_leave_nothing(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example makes a temporary folder with one call; those that its test makes are removed with the test's own."""
    if isinstance(request.node, DoctestItem):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
