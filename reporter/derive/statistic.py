"""What a statistic is, and those of installed packages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from numbers import Real

from reporter.derive.samples import Samples
from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.installed import Group, installed
from reporter.model.columns import Coded
from reporter.model.summary import Summary
from reporter.model.value import Absent, Value

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number that describes a sample of values.

    Attributes:
        name: its key in JSON and CSV.
        title: the heading of its column.
        unit: "" for the unit of the weights, "values" for counts, "share" for fractions of 1, "1" for pure numbers.
        definition: one sentence for the glossary, in which x are the n finite values.
        compute: computes it from a summary.
        together: computes it from many at once, to the same bits; by default one after the other.
    """

    name: str
    title: str
    unit: str
    definition: str
    compute: Callable[[Summary], Value]
    together: Callable[[Samples], Coded] | None = None


def installed_statistics(taken: Iterable[str]) -> tuple[Statistic, ...]:
    """The statistics of installed packages.

    Args:
        taken: names that they cannot have.

    Raises:
        SettingError: what a package offers is no statistic, or has the name of another.
    """
    names, found = set(taken), list[Statistic]()
    for where, _, thing in installed(Group.STATISTICS):
        if not isinstance(thing, Statistic):
            raise SettingError(f"{where}: {type(thing).__name__} is no reporter.derive.statistic.Statistic")
        if not all(isinstance(text, str) for text in (thing.name, thing.title, thing.unit, thing.definition)):
            raise SettingError(f"{where}: name, title, unit and definition have to be text")
        if not _NAME.fullmatch(thing.name) or thing.name in names:
            wrong = "is that of another statistic" if thing.name in names else "is no word such as l4_norm"
            raise SettingError(f"{where}: the name {thing.name!r} {wrong}; give it another")
        names.add(thing.name)
        found.append(replace(thing, compute=_guarded(thing, where), together=None))
    return tuple(found)


def _guarded(statistic: Statistic, where: str) -> Callable[[Summary], Value]:
    """The computation, whose answer is looked at where it is given: it goes into files and tables.

    Raises:
        SettingError: it failed, or gave back something else than a number or an Absent.
    """

    def compute(summary: Summary) -> Value:
        if not summary.finite:
            return Absent.NO_DATA
        try:
            value: object = statistic.compute(summary)
        except Exception as error:
            raise SettingError(f"{where}: {statistic.name}: {type(error).__name__}: {error}") from error
        if isinstance(value, Absent):
            return value
        if not isinstance(value, Real):
            raise SettingError(f"{where}: {statistic.name}: gave back {value!r:.80}, which is no number")
        return float(value)

    return compute
