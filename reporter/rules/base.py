"""What a rule is: a pure function from the timeline of a series to checks, each with its value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any, SupportsIndex

from reporter.frozen import dataclass
from reporter.model.finding import Severity as Severity
from reporter.model.finding import Side as Side
from reporter.model.finding import Unit as Unit
from reporter.model.tensor import TensorInfo
from reporter.rules.calibration import told
from reporter.rules.timeline import Timeline

Limits = Mapping[str, float]
"""Name of a limit -> the number that values are held against."""


@dataclass(frozen=True, slots=True)
class Check:
    """One value held against a rule's threshold.

    Attributes:
        value: what was measured; None where the rule is about presence, not size.
        excess: how far it goes, for finding the worst: larger is worse.
        severity: None when the rule did not fire.
        place: index of the first checkpoint in the series that shows it.
        message: one sentence without a full stop, only needed when the rule fired.
        good: index of the last checkpoint before, None where there is none.
        tensors: every tensor concerned where it is not the one of ``tensor``.
        group: checks of a rule with one severity and one group have one cause and become one finding.
        whole: its consequences may show in every tensor of the series, see :attr:`Rule.covers_elsewhere`.
        limit: name of the limit that the value was held against.
        beyond: how many times the value is beyond that limit, 1 where that cannot be said; for ranking.
        portion: share of the values of its tensors that it concerns.
        meaning, next_step: in place of the rule's, where the check knows better.
        until: index of the last checkpoint whose other findings it explains; None: those of all that follow.
        last: index of the last checkpoint that shows it; None: all that follow do.
        shown: whether any checkpoint shows it; False for what the training did after the last one, or at a time that
            cannot be told, so that none is to blame.
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
    good: int | None = None
    tensors: tuple[str, ...] = ()
    group: str = ""
    whole: bool = False
    limit: str = "threshold"
    meaning: str = ""
    next_step: str = ""
    beyond: float = 1.0
    portion: float = 1.0
    until: int | None = None
    last: int | None = None
    shown: bool = True

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
        good: int | None = None,
        group: str = "",
        limit: str = "threshold",
        beyond: float = 1.0,
        portion: float = 1.0,
        whole: bool = False,
        meaning: str = "",
        next_step: str = "",
        until: int | None = None,
        last: int | None = None,
    ) -> Check:
        """A check of one tensor."""
        return cls(
            value,
            excess,
            severity,
            place,
            info.layer,
            info.name,
            message,
            previous,
            info.size,
            good,
            group=group,
            limit=limit,
            beyond=beyond,
            portion=portion,
            whole=whole,
            meaning=meaning,
            next_step=next_step,
            until=until,
            last=last,
        )

    @property
    def concerned(self) -> tuple[str, ...]:
        """Names of the tensors that it is about."""
        return self.tensors or ((self.tensor,) if self.tensor else ())


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that a setting may change: ``[rules.<rule>] <name> = …``.

    Attributes:
        name: the key; the one that the report prints beside a value is called ``threshold``.
        default: see the rule's source.
        meaning: what it limits, in words, with the unit.
    """

    name: str
    default: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. One file in this folder, one line in :data:`reporter.rules.RULES`.

    Attributes:
        name: key in JSON and settings, kebab-case.
        title: in words.
        threshold: the number that values are held against, None where there is none; the limit ``threshold``.
        formula: what is computed, in the report's words.
        source: where the rule and its threshold come from.
        check: yields one check per value looked at, fired or not.
        limits: further numbers that settings may change.
        unit: of the value and the threshold.
        bad: the side of the threshold that is, "" where it is not always the same.
        many: says of several what the message says of one: "hold NaN or infinite values".
        noun: what is counted where several have one cause.
        meaning: what a finding usually means, one sentence.
        next_step: what to look at next, one sentence.
        evidence: how sure a finding is.
        compares: whether it rests on comparing checkpoints value by value, which may be estimated.
        follows: whether it speaks of change, and so only of successive states of one training.
        covers: rules that fire for the same cause: on the same tensors, from the same checkpoint on.
        covers_elsewhere: rules that fire for the same cause on whatever tensors, from the same checkpoint on, where a
            check of this rule is about the whole series.
        covers_before: of all of these, the rules whose earlier findings lead up to this one.
        deployment: whether it is about using the model elsewhere, and says nothing of its training.
    """

    name: str
    title: str
    threshold: float | None
    formula: str
    source: str
    check: Callable[[Timeline, Limits], Iterator[Check]]
    limits: tuple[Limit, ...] = ()
    unit: Unit = Unit.NUMBER
    bad: Side = ""
    many: str = "are concerned"
    noun: str = "tensors"
    meaning: str = ""
    next_step: str = ""
    evidence: str = "computed from every value of the stored tensors"
    compares: bool = False
    follows: bool = False
    covers: tuple[str, ...] = field(default=())
    covers_elsewhere: tuple[str, ...] = field(default=())
    covers_before: tuple[str, ...] = field(default=())
    deployment: bool = False

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """One of :data:`reporter.rules.RULES` is pickled by its name, and is the same object again.

        A copy of this process so hands over thousands of findings without the texts that their rules share.
        """
        return (registered, (self.name,)) if registered(self.name) is self else object.__reduce_ex__(self, protocol)

    @property
    def calibration(self) -> str:
        """How often it fired on runs of which it is known what is wrong, in words; "" for a rule of the user's own."""
        return told(self.name)

    @property
    def defaults(self) -> dict[str, float]:
        """Every limit by name."""
        own = {} if self.threshold is None else {"threshold": self.threshold}
        return own | {limit.name: limit.default for limit in self.limits}


def registered(name: str) -> Rule | None:
    """The rule of this program that has a name, None where none has."""
    from reporter.rules import RULES  # which imports this module

    return next((rule for rule in RULES if rule.name == name), None)
