"""What `ckpt-report cache` does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from reporter.cli.commands import OK
from reporter.errors import SettingError
from reporter.settings.options import default_cache

if TYPE_CHECKING:
    from reporter.cache.folder import Folder


def cache_info(arguments: argparse.Namespace) -> int:
    """Print how much is kept of earlier runs."""
    from reporter.numerals import integer, size

    use = _cache_folder(arguments).use()
    print(use.folder)
    for kind, (number, nbytes) in use.kinds.items():
        print(f"{kind:<12}{integer(number):>10} files {size(nbytes):>12}")
    return OK


def cache_prune(arguments: argparse.Namespace) -> int:
    """Delete what is kept of earlier runs."""
    from reporter.numerals import integer, size

    if not arguments.older_than >= 0:
        raise SettingError(f"older-than: {arguments.older_than:g} is not a number of days, 0 or more")
    number, nbytes = _cache_folder(arguments).prune(None if arguments.all else arguments.older_than * 86_400)
    print(f"deleted {integer(number)} files, {size(nbytes)}")
    return OK


def _cache_folder(arguments: argparse.Namespace) -> Folder:
    from reporter.cache.folder import Folder

    folder = arguments.cache or default_cache()
    if folder is None:
        raise SettingError("cache: this user has no home folder; say which folder it is with --cache")
    return Folder(folder)
