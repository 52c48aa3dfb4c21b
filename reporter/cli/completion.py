"""`ckpt-report completion SHELL`: the script that lets a shell complete commands, flags and files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

SHELLS = ("bash", "zsh", "tcsh")
"""Those that shtab writes for."""

_FOLDER = "DIR"
"""What stands for the value in help where only a folder can be meant."""


def command(
    whole: Callable[[], argparse.ArgumentParser], path: Callable[[str], object]
) -> Callable[[argparse.Namespace], int]:
    """The command.

    Args:
        whole: makes the parser of the whole program.
        path: the type of the arguments that are files or folders.
    """

    def complete(arguments: argparse.Namespace) -> int:
        """Print the script; shtab is imported here only, since it costs every other command time."""
        import shtab

        parser = whole()
        for action in _actions(parser):
            if action.type is path:
                action.complete = shtab.DIRECTORY if action.metavar == _FOLDER else shtab.FILE  # type: ignore[attr-defined]
        print(shtab.complete(parser, shell=arguments.shell))
        return 0

    return complete


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command_parser in action.choices.values():
                yield from _actions(command_parser)
