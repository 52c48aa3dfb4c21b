"""The pytest plugin: the fixture :func:`healthy_checkpoint`, in every project that has this package installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from reporter.judged import Judged


@pytest.fixture(scope="session")
def healthy_checkpoint() -> Callable[..., Judged]:
    """:func:`reporter.testing.assert_healthy`: a test that asks for it fails when a checkpoint is sick.

    ::

        def test_the_branchs_checkpoint_is_healthy(healthy_checkpoint):
            healthy_checkpoint("ckpts/", fail_on="warn")
    """
    from reporter.testing import assert_healthy  # not before a test asks for it: pytest loads this file in every run

    return assert_healthy
