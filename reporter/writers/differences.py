"""The difference of two checkpoints as one JSON object, the output of ``ckpt-report diff --json``."""

from __future__ import annotations

from reporter.model.difference import STATES, Difference
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
        "non_finite": dict(zip(("before", "after"), difference.bad, strict=True)),
        "global": change(difference.whole) if difference.whole is not None else None,
        "trained": change(difference.trained) if difference.trained is not None else None,
        "shift": shift(difference.shift),
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
            }
            for t in difference.tensors
        ],
        "notes": list(difference.notes),
    }
