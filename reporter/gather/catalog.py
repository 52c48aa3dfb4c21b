"""Find and open checkpoints through the registry of readers."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.ahead import Copies
from reporter.discover import MAX_DEPTH, find
from reporter.discover.outputs import is_recording
from reporter.errors import SettingError, with_state
from reporter.frozen import dataclass
from reporter.gather.stretches import further_processors
from reporter.model.checkpoint import ASIDE, CheckpointRef, Claim, FileEntry, Found, Peek, State
from reporter.model.structure import structure
from reporter.numerals import counted
from reporter.places import shown
from reporter.readers import READERS
from reporter.readers.keras import scanned
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings
from reporter.storage import mirrored

if TYPE_CHECKING:
    from reporter.cache import Cache
    from reporter.discover.examine import PeekInto
    from reporter.model.tensor import Contents

_DIRECT = 1
"""How deep the one checkpoint that a path names is looked for: in the folder, and in those that lie directly in it."""

SHOWN = 4
"""Other checkpoints of a folder that are named beside the only one that can be read."""


def scan(
    settings: Settings, cache: Cache | None = None, max_depth: int = MAX_DEPTH, look: PeekInto | None = None
) -> Found:
    """Discover everything below the roots, and the states of recordings among them; no weight is read.

    Args:
        cache: knows what is in checkpoints that were measured before, so that they are not opened.
        max_depth: folders nested deeper than this below a root are not entered.
        look: opens a checkpoint for what it says of itself; by default it is closed again.
    """

    def known(claim: Claim) -> Peek | None:
        return cache.peek(claim.format, claim.members) if cache is not None else None

    recordings = [root for root in settings.roots if is_recording(root)]
    others = [root for root in settings.roots if root not in recordings]
    recorded = _recorded(recordings) if recordings else Found((), ())
    if recordings and not others:
        return recorded
    found = find(
        others,
        READERS,
        look or (lambda claim: peek(claim.format, claim.path)),
        settle=settings.settle,
        known=known,
        copies=Copies(further_processors(settings), Path(tempfile.gettempdir()), "ckpt-report-"),
        remembered=scanned.KEPT,
        cache=settings.cache,
        max_depth=max_depth,
    )
    return Found(settings.roots, (*found.series, *recorded.series), (*found.files, *recorded.files))


def _recorded(roots: Sequence[Path]) -> Found:
    from reporter.gather.recording import Recording, found_in  # and with it the cache, and all that measures

    return found_in([Recording(root) for root in roots])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The one checkpoint that a path names.

    Attributes:
        note: which one it is, and what became of those beside it; "" where the path itself is the checkpoint.
    """

    ref: CheckpointRef
    note: str


def only_checkpoint(path: Path, settings: Settings, look: PeekInto | None = None) -> Chosen:
    """The one checkpoint that a path names: a file, a folder, or the only one of a folder and its direct subfolders.

    Args:
        look: as of :func:`scan`.

    Raises:
        SettingError: there is none, or more than one.
        CheckpointError: there is one, and it cannot be read.
    """
    if is_recording(path):
        why = "what was recorded of a training: it holds no weights to read; `ckpt-report report` reports it"
        raise SettingError(f"{path}: {why}")
    found = scan(replace(settings, roots=(path,)), max_depth=_DIRECT, look=look)
    refs = [ref for series in found.series for ref in series.checkpoints]
    broken = [entry for entry in found.files if entry.state not in {State.FOUND, *ASIDE}]
    if len(refs) == 1:
        return Chosen(refs[0], _choice(path, refs[0], broken))
    if refs:
        raise SettingError(
            f"{shown(path)}: holds {len(refs)} checkpoints; name one of them, such as {shown(refs[0].path)}"
        )
    if broken:
        more = f" ({len(broken) - 1} more cannot be read either)" if len(broken) > 1 else ""
        raise with_state(path, f"{broken[0].state}: {broken[0].reason}{more}", broken[0].state)
    if [entry.state for entry in found.files] == [State.NO_CHECKPOINT]:
        raise SettingError(f"{shown(path)}: {found.files[0].state}: {found.files[0].reason}")
    where = "neither it nor a folder directly in it holds a checkpoint of a known format"
    raise SettingError(f"{shown(path)}: {where}; `ckpt-report scan` lists all that lie below: name one of them")


def _choice(path: Path, ref: CheckpointRef, others: Sequence[FileEntry]) -> str:
    here = mirrored(path)
    if not others and (ref.path == here or not here.is_dir()):
        return ""
    if not others:
        return f"the numbers are those of {shown(ref.path)}, the only checkpoint of {shown(path)}"
    named = ", ".join(f"{entry.path} ({entry.state})" for entry in others[:SHOWN])
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    beside = f"{counted(len(others), 'other')} in {shown(path)} cannot: {named}{more}"
    return f"the numbers are those of {shown(ref.path)}, the only checkpoint that can be read; {beside}"


def peek(format_: str, path: Path) -> Peek:
    """What a checkpoint says of itself: step, structure, and how it can be checked."""
    with open_checkpoint(format_, path) as contents:
        return peeked(contents)


def peeked(contents: Contents) -> Peek:
    """What an open checkpoint says of itself."""
    return Peek(
        step=contents.step,
        step_source=contents.step_source,
        integrity=contents.integrity,
        missing=len(contents.missing_layers),
        structure=structure(source.info for source in contents.tensors),
        save_counter=contents.save_counter,
    )
