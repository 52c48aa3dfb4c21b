"""Runs of the second look because of which a rule was changed, so that they are no longer unseen."""

from __future__ import annotations

SEEN_SINCE = frozenset(
    {
        "fixed-statistics", "fixed-embeddings", "fixed-depthwise", "decoder-alone",  # frozen: what no file says
        "averaged-flow", "task-added", "two-of-four",  # structure and rearranged: copies, masks
        "adam-to-sgd",  # fading: another level is no fading
        "prices", "metres",  # casts are remarks
    }
)  # fmt: skip
