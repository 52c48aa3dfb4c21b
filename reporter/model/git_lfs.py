"""Git-LFS pointers: the small texts that stand in a file's place until it is downloaded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reporter.model.checkpoint import file_stat
from reporter.storage import open_binary

LFS = b"version https://git-lfs"
"""How a pointer begins (git-lfs, docs/spec.md)."""

NOT_DOWNLOADED = "a Git-LFS pointer, not the file itself: run `git lfs pull`"

_LARGEST = 1024
"""Bytes that a pointer takes at most, by its specification."""

_LOOKED_AT = 1_000
"""Small files that are looked at: a repository that tracks one of these tracks all of them."""


def is_pointer(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a pointer."""
    return head.startswith(LFS)


def first_pointer(files: Iterable[Path]) -> Path | None:
    """The first of these files that is a pointer.

    Raises:
        OSError: one cannot be read.
    """
    looked_at = 0
    for path in files:
        if file_stat(path).size <= _LARGEST:
            with open_binary(path) as file:
                if is_pointer(file.read(len(LFS))):
                    return path
            looked_at += 1
            if looked_at == _LOOKED_AT:
                break
    return None
