"""An argument parser that says what was probably meant, and takes no flag by its first letters only."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """The parser of the program and of each of its commands.

    A flag has to be spelt out: ``--not`` that means ``--note`` today would mean nothing, or something else, in a script
    as soon as there is a flag ``--notify``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but what a command does not know is refused by the parser that knows its flags."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._nearest_flags(unknown)}")
        return found, unknown

    def _nearest_flags(self, unknown: Iterable[str]) -> str:
        given = (word.partition("=")[0] for word in unknown if word.startswith("-"))
        near = (_nearest(word, list(self._option_string_actions)) for word in given)
        return _meant(dict.fromkeys(name for name in near if name))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            told = f"{value!r} is not one of {', '.join(known)}{_meant(filter(None, [_nearest(str(value), known)]))}"
            raise argparse.ArgumentError(action, told)

    def error(self, message: str) -> NoReturn:
        """One line for what is wrong, and one for where all flags are listed: a page of usage would hide the first."""
        self.exit(2, f"{self.prog}: {message}\n`{self.prog} --help` lists what there is\n")


def _nearest(word: str, known: Sequence[str]) -> str:
    """The name that was probably meant, "" where none is near; one that begins with the word is, however long it is.

    >>> _nearest("reprot", ["report", "diff"]), _nearest("--quant", ["--quantiles", "--quiet"]), _nearest("x", ["diff"])
    ('report', '--quantiles', '')
    """
    begun = [name for name in known if len(word.lstrip("-")) > 1 and name.startswith(word)]
    if begun:
        return begun[0]
    import difflib  # for slips alone

    return next(iter(difflib.get_close_matches(word, known, n=1)), "")


def _meant(names: Iterable[str]) -> str:
    """The end of a sentence that proposes them; "" of none."""
    proposed = ", ".join(names)
    return f"; did you mean {proposed}?" if proposed else ""
