"""What a rule is: a pure function from a compared series to checks, each with its value and threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reporter.model.comparison import Comparison
from reporter.model.finding import Severity
from reporter.model.tensor import TensorInfo


@dataclass(frozen=True, slots=True)
class Check:
    """One value held against a rule's threshold.

    Attributes:
        value: what was measured; None where the rule is about presence, not size.
        excess: how far it goes, for finding the worst: larger is worse.
        severity: None when the rule did not fire.
        place: index of the checkpoint in the series.
        message: one sentence, only needed when the rule fired.
    """

    value: float | None
    excess: float
    severity: Severity | None = None
    place: int = 0
    layer: str = ""
    tensor: str = ""
    message: str = ""
    previous: float | None = None
    parameters: int = 0

    @classmethod
    def of(
        cls,
        info: TensorInfo,
        value: float | None,
        excess: float,
        severity: Severity | None = None,
        *,
        place: int = 0,
        message: str = "",
        previous: float | None = None,
    ) -> Check:
        """A check of one tensor."""
        return cls(value, excess, severity, place, info.layer, info.name, message, previous, info.size)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. One file in this folder, one line in :data:`reporter.rules.RULES`.

    Attributes:
        name: key in JSON and settings, kebab-case.
        title: in words.
        threshold: the number that values are held against, None where there is none.
        formula: what is computed, in the report's words.
        source: where the rule and its threshold come from.
        check: yields one check per value looked at, fired or not.
    """

    name: str
    title: str
    threshold: float | None
    formula: str
    source: str
    check: Callable[[Comparison], Iterator[Check]]
