"""Many checks, one finding: what concerns a series as a whole is not said once per tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reporter.model.finding import Severity
from reporter.rules.base import Check


def as_one(checks: Sequence[Check], hit: Sequence[Check], severity: Severity, message: str) -> Iterator[Check]:
    """All checks; the worst of those that hit carries the finding, with the parameters of all that did.

    Args:
        checks: none of them fired.
        hit: those of them that the finding is about; none: no finding.
    """
    worst = max(hit, key=lambda c: c.excess, default=None)
    for check in checks:
        if check is worst:
            parameters = sum(c.parameters for c in hit)
            names = tuple(c.tensor for c in sorted(hit, key=lambda c: -c.excess))
            yield replace(check, severity=severity, message=message, parameters=parameters, tensors=names)
        else:
            yield check
