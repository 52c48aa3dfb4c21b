"""Find and open checkpoints through the registry of readers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reporter.cache import Cache
from reporter.discover import MAX_DEPTH, find
from reporter.errors import SettingError, with_state
from reporter.model.checkpoint import ASIDE, CheckpointRef, Claim, Found, Peek, State
from reporter.model.structure import structure
from reporter.readers import READERS
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings

_DIRECT = 1
"""How deep the one checkpoint that a path names is looked for: in the folder, and in those that lie directly in it."""


def scan(settings: Settings, cache: Cache | None = None, max_depth: int = MAX_DEPTH) -> Found:
    """Discover everything below the roots; no weight is read.

    Args:
        cache: knows what is in checkpoints that were measured before, so that they are not opened.
        max_depth: folders nested deeper than this below a root are not entered.
    """

    def known_or_seen(claim: Claim) -> Peek:
        known = cache.peek(claim.format, claim.members) if cache is not None else None
        return known or peek(claim.format, claim.path)

    of_ours = settings.cache
    return find(settings.roots, READERS, known_or_seen, settle=settings.settle, cache=of_ours, max_depth=max_depth)


def only_checkpoint(path: Path, settings: Settings) -> CheckpointRef:
    """The one checkpoint that a path names: a file, a folder, or the only one of a folder and its direct subfolders.

    Raises:
        SettingError: there is none, or more than one.
        CheckpointError: there is one, and it cannot be read.
    """
    found = scan(replace(settings, roots=(path,)), max_depth=_DIRECT)
    refs = [ref for series in found.series for ref in series.checkpoints]
    if len(refs) == 1:
        return refs[0]
    if refs:
        raise SettingError(f"{path}: holds {len(refs)} checkpoints; name one of them, such as {refs[0].path}")
    broken = [entry for entry in found.files if entry.state not in ASIDE]
    if broken:
        more = f" ({len(broken) - 1} more cannot be read either)" if len(broken) > 1 else ""
        raise with_state(path, f"{broken[0].state}: {broken[0].reason}{more}", broken[0].state)
    if [entry.state for entry in found.files] == [State.NO_CHECKPOINT]:
        raise SettingError(f"{path}: {found.files[0].state}: {found.files[0].reason}")
    where = "neither it nor a folder directly in it holds a checkpoint of a known format"
    raise SettingError(f"{path}: {where}; `ckpt-report scan` lists all that lie below: name one of them")


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
