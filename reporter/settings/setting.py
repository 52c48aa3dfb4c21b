"""What one setting is: how it is read, checked, given on the command line, and told in the report."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import Field, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.places import OWN_WAYS, address, no_place, secret_in

T = TypeVar("T")


class WrongKind(ValueError):
    """A value of another type than the setting's; the message continues the sentence "<setting> …"."""


def text(value: Any) -> str:
    """Text as it is."""
    if not isinstance(value, str):
        raise WrongKind("has to be text")
    return value


def whole(value: Any) -> int:
    """A whole number, or its digits."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise WrongKind("has to be a whole number")
    return int(value)


def number(value: Any) -> float:
    """A number, or its text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise WrongKind("has to be a number")
    return float(value)


def switch(value: Any) -> bool:
    """True or false, also as the words that are usual in environment variables.

    >>> switch("yes"), switch("0")
    (True, False)
    """
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, str):
        value = words.get(value.lower(), value)
    if not isinstance(value, bool):
        raise WrongKind("has to be true or false")
    return value


def probabilities(value: Any) -> tuple[float, ...]:
    """A list of numbers, or text such as ``0.05,0.5,0.95``.

    >>> probabilities("0.5, 0.95")
    (0.5, 0.95)
    """
    if isinstance(value, str):
        try:
            return tuple(float(part) for part in value.split(",") if part.strip())
        except ValueError:
            raise SettingError(f"quantiles: {value!r} is not a list of numbers such as 0.05,0.5,0.95") from None
    if not isinstance(value, list | tuple):
        raise WrongKind("has to be a list of probabilities")
    return tuple(number(p) for p in value)


def path(value: Any) -> Path:
    """A path, or its text."""
    if isinstance(value, Path):
        return value
    if not text(value):  # mostly a variable that is not set; as a path it would be the working folder
        raise WrongKind("has to be a path: it is empty")
    if why := no_place(value):
        raise WrongKind(f"has to be a path or an address: {why}")
    return Path(value)


def paths(value: Any) -> tuple[Path, ...]:
    """A list of paths, or their texts with commas between them."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise WrongKind("has to be a list of paths")
    return tuple(path(part) for part in parts)


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(value: Any) -> float:
    """Seconds, of the text of a number with its unit: s, m, h or d; 0 needs none.

    >>> duration("26h"), duration("1.5d"), duration(0)
    (93600.0, 129600.0, 0.0)
    """
    if isinstance(value, str) and value[-1:] in _UNITS:
        return number(value[:-1]) * _UNITS[value[-1]]
    seconds = number(value)
    if 0 < seconds < math.inf:  # whoever writes 26 and means hours would be told nothing
        raise WrongKind(f'needs a unit: "{value}s", "{value}m", "{value}h" or "{value}d"')
    return seconds


def with_unit(seconds: float) -> str:
    """The text that :func:`duration` reads as so many seconds.

    >>> with_unit(93600.0), with_unit(90.5)
    ('26h', '90.5s')
    """
    hours = seconds / 3600
    return f"{hours:.0f}h" if hours.is_integer() and hours < 1e6 else f"{seconds!r}s"


def between(least: int, most: int) -> Callable[[Any], str]:
    """A check that a number is in a range."""
    return lambda value: "" if least <= value <= most else f"{value} is not between {least} and {most}"


def no_duration(seconds: float) -> str:
    """What is wrong with a number of seconds."""
    return "" if math.isfinite(seconds) and seconds >= 0 else f"{seconds:g} is not a number of seconds, 0 or more"


class Reach(Enum):
    """What a setting lets the program do; a working folder that may be somebody else's must not ask for all of it."""

    READ = "read"
    WRITE = "write"
    """A folder that is written to."""
    EXECUTE = "execute"
    """Files that are executed."""
    SEND = "send"
    """An address that something is sent to."""


@dataclass(frozen=True, slots=True)
class Flag:
    """How a setting is given on the command line.

    Attributes:
        help: what ``--help`` says.
        metavar: what stands for the value there; "" where the choices or the name of the setting do.
        names: of the flag; ``--<key>`` unless said otherwise.
    """

    help: str
    metavar: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """How a setting is told in the report; such a setting is part of what a run is identified by.

    Attributes:
        label: the words before the value.
        text: from the value to the words that tell it.
        if_changed: whether it is told only where it differs from the default; such lines come last.
    """

    label: str
    text: Callable[[Any], str]
    if_changed: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything about a setting but its type and its default, which the field of ``Settings`` states.

    Attributes:
        parse: from what a file, a variable or a flag holds to the value; raises ValueError. None: it has no key and no
            flag of its own, such as the folders, which are arguments.
        flag: on the command line.
        line: in the report; None: the numbers do not depend on it.
        choices: all values that there are; empty where there are more.
        problem: what is wrong with a parsed value, "" if nothing is.
        reach: what it lets the program do.
        in_store: whether what is written may go to an address of a store; what is read always may come from one.
        judging: whether findings depend on it, but no number; ``config show`` has it beside the limits of the rules.
        secret: whether the value must never be printed.
    """

    parse: Callable[[Any], Any] | None
    flag: Flag | None
    line: Line | None
    choices: tuple[str, ...] = ()
    problem: Callable[[Any], str] | None = None
    reach: Reach = Reach.READ
    in_store: bool = False
    judging: bool = False
    secret: bool = False

    @property
    def is_path(self) -> bool:
        """Whether values are relative to the file in which they stand."""
        return self.parse in (path, paths)

    def require_usable(self, key: str, value: Any) -> None:
        """Check a parsed value.

        Raises:
            SettingError: naming the setting, its value and what it may be.
        """
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Path) and (wrong := self._no_place(one)):
                raise SettingError(f"{key}: {wrong}")
        if self.choices and value not in self.choices:
            raise SettingError(f"{key}: {value!r} is not one of {', '.join(self.choices)}")
        if self.problem is not None and (wrong := self.problem(value)):
            raise SettingError(f"{key}: {wrong}")

    def _no_place(self, path: Path) -> str:
        """What is wrong with an address, "" with any other path; it is not repeated where it holds a secret."""
        url = address(path)
        if url and (why := secret_in(url)):
            return f"{url.partition(':')[0]}://…: the address has {why}: {OWN_WAYS}"
        if url and self.reach is not Reach.READ and not self.in_store:
            return f"{url}: this has to be a folder or file of this machine, and cannot lie in a store"
        return ""


_METADATA = "setting"


def declared(
    default: T,
    *,
    parse: Callable[[Any], T] | None,
    flag: Flag | None = None,
    line: Line | None,
    **more: Any,
) -> T:
    """A field of ``Settings``, with everything that there is to say about the setting.

    Its declared type is that of the default, so that a type checker sees a field as it sees any other.

    Args:
        default: the value where nobody gives one.
        parse, flag, line, more: see :class:`Setting`.
    """
    made = Setting(parse, flag, line, **more)
    result: Any = (
        field(default_factory=dict, metadata={_METADATA: made})
        if isinstance(default, dict)
        else field(default=default, metadata={_METADATA: made})
    )
    return result  # type: ignore[no-any-return]


def setting_of(of: Field[Any]) -> Setting:
    """The setting that a field was declared with; KeyError where it was made without."""
    found: Setting = of.metadata[_METADATA]
    return found


def key_of(of: Field[Any]) -> str:
    """What a field is called in files and flags.

    A variable of the environment has capitals, and ``_`` for ``-``: ``fail-on``, ``CKPT_REPORT_FAIL_ON``.
    """
    return of.name.replace("_", "-")
