"""Find and open checkpoints through the registry of readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reporter.cache import Cache
from reporter.discover import find
from reporter.errors import ReportError, SettingError, translated
from reporter.model.checkpoint import CheckpointRef, Claim, Found, Peek
from reporter.model.neighbours import with_roles
from reporter.model.quantised import labelled
from reporter.model.structure import structure
from reporter.model.tensor import Contents
from reporter.readers import READERS, reader
from reporter.settings import Settings


def scan(settings: Settings, cache: Cache | None = None) -> Found:
    """Discover everything below the roots; no weight is read.

    Args:
        cache: knows what is in checkpoints that were measured before, so that they are not opened.
    """

    def known_or_seen(claim: Claim) -> Peek:
        known = cache.peek(claim.format, claim.members) if cache is not None else None
        return known or peek(claim.format, claim.path)

    return find(settings.roots, READERS, known_or_seen, settle=settings.settle, out=settings.out, cache=settings.cache)


def only_checkpoint(path: Path, settings: Settings) -> CheckpointRef:
    """The one checkpoint that a path names.

    Raises:
        SettingError: there is none, or more than one.
    """
    found = scan(replace(settings, roots=(path,), out=path / ".none"))
    refs = [ref for series in found.series for ref in series.checkpoints]
    if len(refs) == 1:
        return refs[0]
    if refs:
        raise SettingError(f"{path}: holds {len(refs)} checkpoints; name one of them, such as {refs[0].path}")
    problem = next((f for f in found.files if f.reason), None)
    reason = f"{problem.state}: {problem.reason}" if problem else "it is no checkpoint of a known format"
    raise SettingError(f"{path}: {reason}")


def peek(format_: str, path: Path) -> Peek:
    """What a checkpoint says of itself: step, structure, and how it can be checked."""
    with open_checkpoint(format_, path) as contents:
        return Peek(
            step=contents.step,
            step_source=contents.step_source,
            integrity=contents.integrity,
            missing=len(contents.missing_layers),
            structure=structure(source.info for source in contents.tensors),
        )


@contextmanager
def open_checkpoint(format_: str, path: Path) -> Iterator[Contents]:
    """Open a checkpoint; whatever goes wrong while it is open becomes an error of our own."""
    try:
        with reader(format_).open(path) as contents:
            yield labelled(with_roles(contents))
    except ReportError:
        raise
    except Exception as error:
        raise translated(path, error) from error
