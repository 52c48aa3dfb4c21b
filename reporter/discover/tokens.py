"""What the parts of a file name are: whole numbers, metrics, times and hashes, and the texts between them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from reporter.frozen import dataclass


class Kind(StrEnum):
    """What a part of a name can be; only whole numbers can be steps."""

    WHOLE = "whole number"
    METRIC = "metric"
    TIME = "time"
    HASH = "hash"


_SIGN = r"(?:(?<=\d-)-|(?<=[_=.])-)?"
"""A minus sign is one only behind a separator: ``04--0.53`` and ``loss=-1``, not ``04-0.53`` or ``cp-5``."""

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"

COUNTER = re.compile(
    r"(?:(?<![A-Za-z])(?:epochs?|ep|it|iter(?:ation)?s?|ckpt|checkpoint|chkpt|cp|batch|rounds?|episodes?|updates?"
    r"|generations?|e|s|k|(?:time)?steps?)|(?-i:(?<=[a-z])(?:Epoch|Ep|Iter|Iteration|Ckpt|Checkpoint|Batch|Round|Step)))"
    r"[-_.=: ]*$",
    re.IGNORECASE,
)
"""A number that directly follows one of these words counts the training; also at a capital, as in ``netEpoch5``."""

_TOKEN = re.compile(
    # A UUID, or at least seven hexadecimal digits with a letter behind a digit: commits, content hashes.
    r"(?P<hash>(?<![0-9A-Za-z])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|(?=[a-f]*[0-9]+[a-f])[0-9a-f]{7,})(?![0-9A-Za-z]))"
    # A date, and perhaps a time of day: 20240131-180000, 2024-01-31T23:59:59, 2024_01_31. Four digits behind a date
    # without anything between them are no time: 20240131_1200 is as likely a step.
    rf"|(?P<time>(?<!\d){_YEAR}(?:{_MONTH}{_DAY}|(?P<s>[-_.]){_MONTH}(?P=s){_DAY}(?=(?P<apart>)))"
    rf"(?:[-_.T@ ]{{0,2}}{_HOUR}(?:{_SIXTY}{_SIXTY}|[-_:.h]{_SIXTY}[-_:.m]{_SIXTY}|(?(apart)[-_:.h]{_SIXTY}|(?!)))"
    r"(?:[.,]\d{1,6}(?!\d))?)?(?!\d))"
    # Decimals, with or without an exponent; what Python prints for a loss that is no number; negative numbers.
    rf"|(?P<metric>{_SIGN}(?:(?<!\d)(?:0|[1-9]\d*)\.\d+(?:e[-+]?\d+)?(?!\d|\.\d)|\d+e[-+]\d+"
    r"|(?<![A-Za-z])(?:nan|inf)(?![A-Za-z]))"
    r"|(?:(?<=\d-)-|(?<=[_=])-)\d+(?!\d))"
    r"|(?P<whole>\d+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One part that may vary from name to name."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A label split at its tokens: ``texts[0] tokens[0] texts[1] …``, one more text than tokens."""

    texts: tuple[str, ...]
    tokens: tuple[Token, ...]

    @classmethod
    def of(cls, label: str) -> Name:
        """Split a label.

        >>> [(t.kind.value, t.text) for t in Name.of("weights.05--1.2e-05").tokens]
        [('whole number', '05'), ('metric', '-1.2e-05')]
        >>> [t.text for t in Name.of("001_2024-01-31_23-59-59_9c0d3e58").tokens]
        ['001', '2024-01-31_23-59-59', '9c0d3e58']
        """
        texts, tokens, end = [], [], 0
        for found in _TOKEN.finditer(label):
            texts.append(label[end : found.start()])
            kind = next(kind for kind in Kind if found[kind.name.lower()] is not None)
            if kind is Kind.TIME and found[0].isdigit() and COUNTER.search(texts[-1]):
                kind = Kind.WHOLE  # step_20240131
            tokens.append(Token(kind, found[0]))
            end = found.end()
        return cls((*texts, label[end:]), tuple(tokens))

    @property
    def pattern(self) -> tuple[object, ...]:
        """Equal for names that differ in their tokens only."""
        return self.texts, tuple(token.kind for token in self.tokens)


_MAYBE_HASH = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{7,}(?![0-9A-Za-z])", re.IGNORECASE)

Lengths = Mapping[tuple[object, ...], set[tuple[int, ...]]]
"""By pattern, how long the tokens of the names are that have it."""


def split(labels: Sequence[str]) -> list[Name]:
    """The labels of one folder, split so that what may be a hash or a metric is one where others of its place are.

    A hash can be all digits, or letters before them, and a metric a whole number: ``{val_loss:g}`` prints 1 between
    0.97 and 1.02.
    """
    names = [Name.of(label) for label in labels]
    known: dict[tuple[object, ...], set[tuple[int, ...]]] = {}
    for name in names:
        known.setdefault(name.pattern, set()).add(tuple(len(token.text) for token in name.tokens))
    return [_as_others(label, name, known) for label, name in zip(labels, names, strict=True)]


def _as_others(label: str, name: Name, known: Lengths) -> Name:
    for found in _MAYBE_HASH.finditer(label):
        before, after = Name.of(label[: found.start()]), Name.of(label[found.end() :])
        tokens = (*before.tokens, Token(Kind.HASH, found[0]), *after.tokens)
        other, place = Name((*before.texts, *after.texts), tokens), len(before.tokens)
        if len(found[0]) in {lengths[place] for lengths in known.get(other.pattern, ())}:
            return other
    for place, token in enumerate(name.tokens):
        for kind in {Kind.WHOLE: (Kind.METRIC,), Kind.TIME: (Kind.WHOLE,)}.get(token.kind, ()):
            tokens = (*name.tokens[:place], Token(kind, token.text), *name.tokens[place + 1 :])
            other = Name(name.texts, tokens)
            ordered = any(t.kind in (Kind.WHOLE, Kind.TIME) for t in tokens)
            if token.text.isdigit() and ordered and other.pattern in known:
                return other
    return name


def moment(text: str) -> int | None:
    """A date, or date and time, as a number that rises with it; whole seconds or milliseconds since 1970 as well.

    >>> moment("20240131-235959"), moment("2024-01-31"), moment("1706745599"), moment("20241331"), moment("500")
    (20240131235959000000, 20240131000000000000, 20240131235959000000, None, None)
    """
    digits = re.sub(r"\D", "", text)
    if digits == text and len(text) in (10, 13) and "1000000000" <= text[:10] < "2500000000":
        seconds = int(text[:10])
        return int(f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d%H%M%S}{text[10:]:0<6}")
    found = _TOKEN.fullmatch(text)
    if found is None or found["time"] is None:
        return None
    return int(f"{digits:0<20}")
