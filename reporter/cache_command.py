"""The command ``ckpt-report cache``: how much earlier runs left behind, and its deletion."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.errors import SettingError
from reporter.settings import default_cache

if TYPE_CHECKING:
    from reporter.cache.folder import Folder


def add_cache_commands(parser: argparse.ArgumentParser) -> None:
    """Its actions and flags."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    info = actions.add_parser("info", help="where it is, and how much of what is in it")
    prune = actions.add_parser("prune", help="delete what was not used for a while, or everything")
    which = prune.add_mutually_exclusive_group()
    which.add_argument("--older-than", type=float, default=30.0, metavar="DAYS", help="not used since (default: 30)")
    which.add_argument("--all", action="store_true", help="everything")
    for action in (info, prune):
        action.add_argument("--cache", type=Path, metavar="DIR", help="default: the user's cache folder")
    info.set_defaults(command=_cache_info)
    prune.set_defaults(command=_cache_prune)


def _cache_info(arguments: argparse.Namespace) -> int:
    from reporter.numerals import integer, size

    use = _cache_folder(arguments).use()
    print(use.folder)
    for kind, (number, nbytes) in use.kinds.items():
        print(f"{kind:<12}{integer(number):>10} files {size(nbytes):>12}")
    return 0


def _cache_prune(arguments: argparse.Namespace) -> int:
    from reporter.numerals import integer, size

    if not arguments.older_than >= 0:
        raise SettingError(f"older-than: {arguments.older_than:g} is not a number of days, 0 or more")
    number, nbytes = _cache_folder(arguments).prune(None if arguments.all else arguments.older_than * 86_400)
    print(f"deleted {integer(number)} files, {size(nbytes)}")
    return 0


def _cache_folder(arguments: argparse.Namespace) -> Folder:
    from reporter.cache.folder import Folder

    folder = arguments.cache or default_cache()
    if folder is None:
        raise SettingError("cache: this user has no home folder; say which folder it is with --cache")
    return Folder(folder)


def _verify(arguments: argparse.Namespace) -> int:
    settings = Settings(roots=tuple(arguments.folders), settle=arguments.settle)
    from dataclasses import asdict

    from reporter.verify import SOUND, verify

    verdicts = []
    for verdict in verify(settings):
        verdicts.append(verdict)
        if not arguments.json:
            about = f"{verdict.state:12}  {verdict.check or '-':9}  {_visible(verdict.path)}"
            print(f"{about}  {_visible(verdict.reason)}".rstrip(), flush=True)
    unsound = sum(verdict.state != SOUND for verdict in verdicts)
    if arguments.json:
        _print_json({"checkpoints": [asdict(verdict) for verdict in verdicts], "unsound": unsound})
    else:
        print(f"{len(verdicts) - unsound} of {len(verdicts)} checkpoints are sound", file=sys.stderr)
    return UNREADABLE if unsound else OK
