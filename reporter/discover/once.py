"""One checkpoint under several names, by links or hard links, counts once."""

from __future__ import annotations

from collections.abc import Sequence

from reporter.discover.listing import Place, place
from reporter.model.checkpoint import Claim
from reporter.model.natural_order import natural


def once(claims: Sequence[Claim]) -> tuple[list[Claim], list[tuple[Claim, Claim]]]:
    """The claims without those whose files are all those of another; and these, each with the other one.

    What is kept is no link where possible, and rather the name with a number: ``epoch-07``, not ``best``.
    """
    groups: dict[frozenset[Place] | int, list[Claim]] = {}
    for i, claim in enumerate(claims):
        places = {place(member) for member in claim.members}
        known = frozenset(at for at in places if at is not None)
        groups.setdefault(known if known and len(known) == len(places) else i, []).append(claim)
    original = {id(claim): min(group, key=_rank) for group in groups.values() for claim in group}
    kept = [claim for claim in claims if original[id(claim)] is claim]
    return kept, [(claim, original[id(claim)]) for claim in claims if original[id(claim)] is not claim]


def _rank(claim: Claim) -> tuple[bool, bool, object]:
    is_link = any(member.is_symlink() for member in claim.members)
    return is_link, not any(c.isdigit() for c in claim.label), natural(str(claim.path))
