"""What all tests of faults share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def one_cache(
    cache_of_its_own: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures of the same few checkpoints are drawn once, which is most of what a small report costs.

    Checkpoints are known by inode and times, and series by their folder: no test meets those of another.
    """
    monkeypatch.setenv("CKPT_REPORT_CACHE", str(tmp_path_factory.getbasetemp() / "cache-of-fault-tests"))
