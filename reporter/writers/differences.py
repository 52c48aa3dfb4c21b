"""The difference of two checkpoints as one JSON object, the output of ``ckpt-report diff --json``."""

from __future__ import annotations

from collections import Counter

from reporter.derive import kind_words
from reporter.model.difference import STATES, Difference
from reporter.model.kind import ChangeKind, KindOfChange, KindsOfPair
from reporter.writers.comparisons import shift
from reporter.writers.records import Record, change, plain


def record(difference: Difference) -> Record:
    """The whole difference: counts, the change of the whole model, and each tensor, worst first."""
    return {
        "before": difference.before,
        "after": difference.after,
        "paired": difference.paired,
        "counts": {state: difference.count(state) for state in STATES},
        "verdict": difference.verdict,
        "outgrown": [t.name for t in difference.outgrown],
        "non_finite": dict(zip(("before", "after"), difference.bad, strict=True)),
        "global": change(difference.whole) if difference.whole is not None else None,
        "trained": change(difference.trained) if difference.trained is not None else None,
        "shift": shift(difference.shift),
        "kinds": kinds(difference.kinds) if difference.kinds is not None else None,
        "tensors": [
            {
                "name": t.name,
                "collection": t.collection,
                "role": t.role,
                "state": t.state,
                "before": t.before,
                "after": t.after,
                "l2_norm": [plain(norm) for norm in t.norms],
                "non_finite": list(t.bad),
                "update_at_least": plain(t.update) if t.change is None and t.before == t.after else None,
                "change": change(t.change) if t.change is not None else None,
                "shift": shift(t.shift),
                "kind": kind(t.kind, t.shape) if t.kind is not None else None,
            }
            for t in difference.tensors
        ],
        "notes": list(difference.notes),
    }


def kind(found: KindOfChange, shape: tuple[int, ...]) -> Record:
    """The kind of a tensor's change and a sentence on it, then what shows it, as far as the kind has it."""
    evidence = {
        "factor": plain(found.factor) if found.factor is not None else None,
        "residual": plain(found.residual) if found.residual is not None else None,
        "axes": list(found.axes) or None,
        "reversed": found.reversed or None,
        "negated": found.signs or None,
        "origin": found.origin or None,
        "dtype": found.dtype or None,
        "levels": found.levels,
        "by_unit": found.by_unit or None,
        "changed": found.changed,
        "slices": list(found.slices) if found.slices is not None else None,
        "rank": found.rank,
        "captured": plain(found.captured) if found.captured is not None else None,
        "stable_rank": plain(found.stable_rank) if found.stable_rank is not None else None,
    }
    return {
        "kind": found.kind,
        "proven": found.proven,
        "text": kind_words.evidence(found, shape),
        **{name: value for name, value in evidence.items() if value is not None},
    }


def kinds(found: KindsOfPair) -> Record:
    """What kind of change it was as a whole; ``counts`` has the kinds that occur."""
    by_kind = Counter(one.kind for one in found.kinds.values())
    return {
        "text": kind_words.line(found),
        "of": found.subject,
        "shared": found.shared,
        "changed": len(found.kinds),
        "equal": found.equal,
        "unknown": found.unknown,
        "counts": {kind: by_kind[kind] for kind in ChangeKind if by_kind[kind]},
        "extent": found.extent,
        "layer": found.layer or None,
        "optimizer": dict(zip(("changed", "shared"), found.beside, strict=True)),
    }
