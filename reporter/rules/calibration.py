"""How often each rule fired on training runs of which it is known whether something is wrong with them, and what.

``make calibrate ARGS=--record`` trains those runs and writes ``calibration.json`` beside this module:

``{"runs": {"healthy": 64, "sick": 66}, "rules": {"frozen": {"healthy": 0, "sick": 5, "limits": {…}}, …}}``

Counted are runs with a finding of the rule that is a warning or a failure; of rules that only remark, with a remark.
The limits are those that a rule had then, by which it shows whether the numbers are those of today's rule.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


@functools.cache
def recorded() -> Mapping[str, Any]:
    """The record, as described above."""
    found: Mapping[str, Any] = json.loads(files("reporter.rules").joinpath("calibration.json").read_text("utf-8"))
    return found


def told(rule: str) -> str:
    """What the record says of a rule, as a sentence; "" where it does not know the rule.

    >>> told("nobody-knows-it")
    ''
    """
    runs, counts = recorded()["runs"], recorded()["rules"].get(rule)
    if counts is None:
        return ""
    return (
        f"Calibration: fired on {counts['healthy']} of {runs['healthy']} healthy and {counts['sick']} of "
        f"{runs['sick']} sick runs."
    )
