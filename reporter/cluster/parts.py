"""A large checkpoint in parts: each worker measures some of its tensors, beside the same of earlier checkpoints.

A part is kept in the worker's cache like a checkpoint that has no other tensors. Put together here, the parts are to
the bit what measuring all tensors at once leaves in the cache, as no number of a tensor depends on another one, and
those of layers and of the whole are merged from those of the tensors in their order in any case.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from hashlib import sha256

from reporter.cache import Cache
from reporter.cluster.further import Records, further
from reporter.errors import CheckpointError
from reporter.frozen import dataclass
from reporter.gather.checkpoint_in_series import Partner
from reporter.gather.kept_open import KeptOpen
from reporter.gather.layer_names import match
from reporter.gather.pairing import beside
from reporter.gather.stable_read import unchanged
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.model.checkpoint import CheckpointRef
from reporter.model.tensor import Contents
from reporter.settings.model import Settings

PART_BYTES = 2 << 30
"""Bytes of a checkpoint for each of its parts: some ten seconds of work. A tensor is never divided."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts of a checkpoint.

    Attributes:
        ref: the checkpoint.
        number: from 0 on.
        of: how many there are.
        first: the checkpoint that gives the series its names, None for that one itself.
        earlier: those that it is compared with.
        last: whether it is the last of its series.
    """

    ref: CheckpointRef
    number: int
    of: int
    first: CheckpointRef | None
    earlier: tuple[CheckpointRef, ...]
    last: bool


def parts_of(ref: CheckpointRef) -> int:
    """How many parts a checkpoint is measured in."""
    return max(1, -(-ref.nbytes // PART_BYTES))


def part_of(contents: Contents, number: int, of: int) -> Contents:
    """The checkpoint with the tensors of one part, which follow each other and have about as many bytes as others.

    Where the check of integrity takes the whole file, as in archives, all of them are in the first part.
    """
    if not contents.checked_by_tensor:
        return contents if number == 0 else contents.without_tensors()
    total, before, chosen = sum(source.info.nbytes for source in contents.tensors), 0, []
    for source in contents.tensors:
        middle = before + source.info.nbytes / 2
        if min(int(middle * of / max(total, 1)), of - 1) == number:
            chosen.append(source)
        before += source.info.nbytes
    return replace(contents, tensors=tuple(chosen))


def part_key(known: str, number: int, of: int) -> str:
    """What a worker's cache knows a part by."""
    return sha256(f"{known} {number} of {of}".encode()).hexdigest()[:40]


def measure_part(part: Part, settings: Settings, cache: Cache) -> tuple[dict[str, bytes], Records]:
    """Measure a part, and compare it with the same tensors of earlier checkpoints.

    Returns:
        The cache's files of the part by suffix, and what else was measured of it.

    Raises:
        reporter.errors.CheckpointError: it cannot be read, or is not the one that discovery saw.
    """
    ref = part.ref
    known = cache.identity(ref.format, ref.members)
    key = part_key(known, part.number, part.of)
    plan = Plan(settings.variables, settings.quantiles, settings.threads)
    full = cache.plan("", plan)
    with KeptOpen() as opened:
        contents = opened.contents(ref)
        chosen = part_of(contents, part.number, part.of)
        series = _series(part, opened)
        matched = match(series, contents)
        partners = list(_partners(part, series, opened, cache))
        paired = beside(ref, matched, partners, opened, partial(measure_checkpoint, chosen, full))
        records = further(chosen, paired.result, settings, last=part.last)
        unchanged(ref)
        numbers = cache.keep(key, ref, chosen, full, paired.result, plan)
        for one in partners:
            if one.ref.path in paired.changes:
                cache.keep_changes(one.key_in(matched), key, numbers, paired.changes[one.ref.path])
    return cache.files(key), records


def _series(part: Part, opened: KeptOpen) -> Contents | None:
    """The checkpoint that gives the series its names; None where that is this one, or cannot be opened."""
    try:
        return None if part.first is None else opened.contents(part.first)
    except CheckpointError:
        return None


def _partners(part: Part, series: Contents | None, opened: KeptOpen, cache: Cache) -> list[Partner]:
    """The earlier checkpoints that can be opened, under the names of the series."""
    found = []
    for ref in part.earlier:
        try:
            contents = opened.contents(ref)
        except CheckpointError:
            continue  # whoever puts the series together says so
        names = match(None if part.first is None or ref.path == part.first.path else series, contents)
        found.append(Partner(ref, cache.identity(ref.format, ref.members), names))
    return found
