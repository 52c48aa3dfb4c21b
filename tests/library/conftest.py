"""Fixtures of these tests."""

from __future__ import annotations

from types import ModuleType

import pytest


@pytest.fixture(params=["keras", "tf_keras"])
def any_keras(request: pytest.FixtureRequest) -> ModuleType:
    """Keras 3, then Keras 2."""
    module: ModuleType = request.getfixturevalue(request.param)
    return module


@pytest.fixture(autouse=True)
def painted() -> None:
    """Results draw their own pictures."""
