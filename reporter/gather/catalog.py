"""Find and open checkpoints through the registry of readers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reporter.cache import Cache
from reporter.discover import find
from reporter.errors import SettingError, with_state
from reporter.model.checkpoint import ASIDE, CheckpointRef, Claim, Found, Peek
from reporter.model.structure import structure
from reporter.readers import READERS
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings


def scan(settings: Settings, cache: Cache | None = None) -> Found:
    """Discover everything below the roots; no weight is read.

    Args:
        cache: knows what is in checkpoints that were measured before, so that they are not opened.
    """

    def known_or_seen(claim: Claim) -> Peek:
        known = cache.peek(claim.format, claim.members) if cache is not None else None
        return known or peek(claim.format, claim.path)

    return find(settings.roots, READERS, known_or_seen, settle=settings.settle, cache=settings.cache)


def only_checkpoint(path: Path, settings: Settings) -> CheckpointRef:
    """The one checkpoint that a path names.

    Raises:
        SettingError: there is none, or more than one.
        CheckpointError: there is one, and it cannot be read.
    """
    found = scan(replace(settings, roots=(path,)))
    refs = [ref for series in found.series for ref in series.checkpoints]
    if len(refs) == 1:
        return refs[0]
    if refs:
        raise SettingError(f"{path}: holds {len(refs)} checkpoints; name one of them, such as {refs[0].path}")
    broken = [entry for entry in found.files if entry.state not in ASIDE]
    if broken:
        more = f" ({len(broken) - 1} more cannot be read either)" if len(broken) > 1 else ""
        raise with_state(path, f"{broken[0].state}: {broken[0].reason}{more}", broken[0].state)
    if len(found.files) == 1:
        raise SettingError(f"{path}: {found.files[0].state}: {found.files[0].reason}")
    raise SettingError(f"{path}: holds no checkpoint of a known format; scan lists what is there")


def peek(format_: str, path: Path) -> Peek:
    """What a checkpoint says of itself: step, structure, and how it can be checked."""
    with open_checkpoint(format_, path) as contents:
        return Peek(
            step=contents.step,
            step_source=contents.step_source,
            integrity=contents.integrity,
            missing=len(contents.missing_layers),
            structure=structure(source.info for source in contents.tensors),
            save_counter=contents.save_counter,
        )
