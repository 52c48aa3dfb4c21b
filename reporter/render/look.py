"""Read what the user chose for the look of a report, and check it before anything is measured."""

from __future__ import annotations

from difflib import get_close_matches
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Literal

from jinja2 import TemplateSyntaxError

from reporter.errors import SettingError
from reporter.model.look import Logo, Look, Templates
from reporter.render.assets import templates_folder
from reporter.render.environment import environment

MOST_BYTES = 300_000
"""Of a logo, which is in every page."""

MOST_PIXELS = 4_000
"""Along each side of a logo; a small file can hold a picture that takes gigabytes."""

FILES = 1_000
"""Most files in a folder of templates; with more it is another folder, such as the user's home."""

OWN = "own"
"""The folder, among the user's templates, of those that the program has no counterpart of."""

_KINDS: dict[str, Literal["image/png", "image/jpeg"]] = {"PNG": "image/png", "JPEG": "image/jpeg"}


def read_look(note: str, logo: Path | None, accent: str, templates: Path | None) -> Look:
    """The look that the settings ask for.

    Args:
        note: a text below the heading.
        logo: a PNG or JPEG file.
        accent: a colour as ``#rrggbb``.
        templates: a folder of templates that replace those of the program.

    Raises:
        SettingError: a file cannot be used; the message says why, and what can.
    """
    return Look(
        note,
        read_logo(logo) if logo is not None else None,
        accent,
        read_templates(templates) if templates is not None else None,
    )


def read_logo(path: Path) -> Logo:
    """A picture for the head of the report.

    Raises:
        SettingError: there is no such file, or it is no PNG or JPEG, or too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingError(f"logo: {path}: {error.strerror}; give a PNG or JPEG file") from error
    if len(data) > MOST_BYTES:
        raise SettingError(f"logo: {path}: has more than {MOST_BYTES // 1000} kB, and is in every page; scale it down")
    from PIL import Image  # only here: a report without a logo and with nothing new to draw does without it

    try:
        with Image.open(BytesIO(data), formats=tuple(_KINDS)) as image:
            kind, (width, height) = _KINDS[str(image.format)], image.size
            if max(width, height) > MOST_PIXELS:
                raise SettingError(f"logo: {path}: has {width} x {height} pixels, more than {MOST_PIXELS} a side")
            image.verify()  # loading alone passes over a missing end, once WeasyPrint has told Pillow so
        with Image.open(BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, SettingError):
            raise
        raise SettingError(f"logo: {path}: is no whole PNG or JPEG picture ({error})") from error
    return Logo(data, kind, width, height)


def read_templates(folder: Path) -> Templates:
    """The user's own templates, all of which are compiled, so that a mistake is told before anything is measured.

    Raises:
        SettingError: there is no such folder, it is empty, a file replaces nothing, or a template has a mistake.
    """
    if not folder.is_dir():
        raise SettingError(f"templates: {folder}: is no folder; give one with files such as partials/banner.html")
    try:
        files = _files(folder)
        digest = sha256()
        for name in files:
            digest.update(f"{name}\0".encode() + (folder / name).read_bytes() + b"\0")
    except OSError as error:
        raise SettingError(f"templates: {error.filename}: {error.strerror}") from error
    if not files:
        raise SettingError(f"templates: {folder}: holds no file; copy one there, such as partials/banner.html")
    _require_counterparts(folder, files)
    own = Templates(str(folder.absolute()), digest.hexdigest())
    for name in files:
        if name.endswith(".html"):
            try:
                environment(own).get_template(name)
            except TemplateSyntaxError as error:
                raise SettingError(f"templates: {folder / name}, line {error.lineno}: {error.message}") from error
            except UnicodeDecodeError as error:
                raise SettingError(f"templates: {folder / name}: is not UTF-8: {error.reason}") from error
    return own


def _files(folder: Path) -> list[str]:
    """The paths of all files below a folder, hidden ones left out, in order."""
    found: list[str] = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        found.append(name.as_posix())
        if len(found) > FILES:
            raise SettingError(f"templates: {folder}: holds more than {FILES} files, and so is no folder of templates")
    return sorted(found)


def _require_counterparts(folder: Path, files: list[str]) -> None:
    """Every file has to replace one of the program's: a misspelt name would change nothing, and nobody would know."""
    base = templates_folder()
    replaceable = sorted(path.relative_to(base).as_posix() for path in base.rglob("*.*") if path.is_file())
    for name in files:
        if name in replaceable or name.startswith(f"{OWN}/"):
            continue
        near = get_close_matches(name, replaceable, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(replaceable)}"
        raise SettingError(
            f"templates: {folder / name}: the program has no {name} that it could replace; {hint} "
            f"Files that others of yours include belong into the folder {OWN}."
        )
