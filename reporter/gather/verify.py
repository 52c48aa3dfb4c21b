"""Integrity alone: every checkpoint read once to its end, every checksum checked, nothing measured."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.gather.catalog import scan
from reporter.gather.stable_read import failure, twice
from reporter.model.checkpoint import ASIDE, CheckpointRef, State
from reporter.places import shown
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings

SOUND = State.SOUND

GONE = State.ROTATED_AWAY
"""A trainer that keeps the last few checkpoints deletes the others: that says nothing against them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one checkpoint.

    Attributes:
        path: relative to the folder, as in every listing.
        state: :data:`SOUND`, :data:`GONE`, or another state of :mod:`reporter.errors`.
        check: the check that was made: "crc32c", "zip crc32", "lengths" or "none"; "" where it did not come to that.
        reason: why it is not sound, or what the check leaves open, or "".
        tensors, nbytes: what was read.
    """

    path: str
    format: str
    state: State
    check: str
    reason: str
    tensors: int = 0
    nbytes: int = 0


def verify(settings: Settings) -> Iterator[Verdict]:
    """One verdict per checkpoint, in the order of the listing, each as soon as it is known.

    Raises:
        reporter.errors.SettingError: a folder does not exist, or holds no checkpoint at all.
    """
    found = scan(settings)
    where = ", ".join(map(shown, settings.roots))
    refs = {ref.name: ref for series in found.series for ref in series.checkpoints}
    listed = [entry for entry in found.files if entry.state not in ASIDE]
    if not listed:
        raise SettingError(f"{where}: no checkpoint was found; give the folder that holds them")
    for entry in listed:
        if entry.state != State.FOUND:
            yield Verdict(entry.path, entry.format, entry.state, entry.integrity, entry.reason)
        elif refs[entry.path].recorded:
            why = "it was measured in memory while the model was trained; there is no file to check"
            yield Verdict(entry.path, entry.format, State.RECORDED, "", why)
        else:
            yield _verified(refs[entry.path], entry.integrity, settings.settle)


def _verified(ref: CheckpointRef, check: str, settle: float) -> Verdict:
    try:
        return twice(ref, _read)
    except Exception as error:
        known = failure(ref, error, settle)
        return Verdict(ref.name, ref.format, known.state, check, known.reason)


def _read(ref: CheckpointRef) -> Verdict:
    nbytes = 0
    with open_checkpoint(ref.format, ref.path) as contents:
        for source in contents.tensors:
            for block in source.blocks():
                nbytes += block.nbytes
        contents.verify()
    remark = f"{len(contents.skipped)} entries that are no numbers were not read" if contents.skipped else ""
    if not nbytes:
        return Verdict(
            ref.name, ref.format, State.EMPTY, contents.integrity, "it holds no numbers: nothing was checked"
        )
    return Verdict(ref.name, ref.format, SOUND, contents.integrity, remark, len(contents.tensors), nbytes)
