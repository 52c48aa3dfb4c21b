"""Where claims stand: by the numbers of their names in one folder, or of the folders that each hold one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reporter.discover.listing import absolute
from reporter.discover.naming import Numbered, number_labels
from reporter.discover.tokens import COUNTER, Name
from reporter.model.checkpoint import Claim

DEEPEST = 3
"""Folders between a file and the one whose number is its step: ``checkpoint-500/unet/model.safetensors`` has one."""


def placed(claims: Sequence[Claim]) -> list[Numbered]:
    """The place of each claim below all roots; a stem with ``/`` spans folders."""
    claims = [replace(claim, path=absolute(claim.path)) for claim in claims]  # roots may spell one folder in two ways
    result = [Numbered(claim.label, None) for claim in claims]
    folders: dict[tuple[Path, str], list[int]] = {}
    for i, claim in enumerate(claims):
        if not claim.part:  # the number of a shard is no step
            folders.setdefault((claim.path.parent, claim.format), []).append(i)
    for members in folders.values():
        for i, numbered in zip(members, number_labels([claims[i].label for i in members]), strict=True):
            result[i] = numbered
    alone = _alone(claims, result)
    for level in range(DEEPEST):
        for i, numbered in _by_folder(claims, result, alone, level):
            result[i] = numbered
            alone.remove(i)
    return result


def _alone(claims: Sequence[Claim], places: Sequence[Numbered]) -> list[int]:
    """Those that are the only one of their stem in their folder."""
    found: dict[tuple[Path, str, str], list[int]] = {}
    for i, (claim, numbered) in enumerate(zip(claims, places, strict=True)):
        if not claim.part:
            found.setdefault((claim.path.parent, claim.format, numbered.stem), []).append(i)
    return [members[0] for members in found.values() if len(members) == 1]


def _by_folder(
    claims: Sequence[Claim], places: Sequence[Numbered], alone: Sequence[int], level: int
) -> list[tuple[int, Numbered]]:
    """Those whose folders, ``level`` above their own, are the steps of a training, as the folders' names tell."""
    groups: dict[tuple[Path, tuple[str, ...], str, str], list[int]] = {}
    for i in alone:
        above = claims[i].path.parents
        if len(above) > level + 1:
            inside = tuple(folder.name for folder in reversed(above[:level]))
            groups.setdefault((above[level + 1], inside, claims[i].format, places[i].stem), []).append(i)
    found: list[tuple[int, Numbered]] = []
    for (_, inside, _, stem), members in groups.items():
        folders = [claims[i].path.parents[level].name for i in members]
        series: dict[str, list[tuple[int, Numbered]]] = {}
        for i, name, numbered in zip(members, folders, number_labels(folders), strict=True):
            if numbered.number is not None and _is_step(name):
                whole = Numbered("/".join((numbered.stem, *inside, stem)), numbered.number, numbered.key)
                series.setdefault(numbered.stem, []).append((i, whole))
        found += [one for of_stem in series.values() if len(of_stem) > 1 for one in of_stem]
    return found


def _is_step(folder: str) -> bool:
    """Whether a folder's name is a number, or has one after a word that counts: not ``run_3``, ``resnet50``, a date."""
    name = Name.of(folder)
    bare = len(name.tokens) == 1 and not any(name.texts)
    return bare or any(COUNTER.search(text) for text in name.texts[:-1])
