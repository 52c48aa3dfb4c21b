"""Find templates, style sheets and scripts: in the installed package, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

from reporter.errors import RenderError
from reporter.model.look import Templates

_PACKAGE = Path(__file__).resolve().parent.parent


def templates_folder() -> Path:
    """The folder of templates: ``reporter/templates`` in a wheel, ``templates`` beside ``reporter`` in a checkout.

    Raises:
        RenderError: there is no such folder, so the installation is incomplete.
    """
    places = (_PACKAGE / "templates", _PACKAGE.parent / "templates")
    for folder in places:
        if (folder / "report.html").is_file():
            return folder
    raise RenderError(f"no templates in {' or '.join(map(str, places))}: install ckpt-report again")


def read_asset(name: str, own: Templates | None = None) -> str:
    """The text of a style sheet or script, which a template puts into the document unchanged.

    Args:
        name: its path among the templates.
        own: templates of the user's; one of the same path comes first.

    Raises:
        RenderError: the file is missing, or contains ``</``, which would end the element that it is put into.
    """
    try:
        theirs = Path(own.folder, name) if own is not None else None
        text = (theirs if theirs and theirs.is_file() else templates_folder() / name).read_text(encoding="utf-8")
    except OSError as exc:
        raise RenderError(f"{name}: {exc.strerror}: install ckpt-report again") from exc
    except UnicodeDecodeError as exc:
        raise RenderError(f"{name}: is not UTF-8: {exc.reason}") from exc
    if "</" in text:
        raise RenderError(f"{name}: '</' cannot be inlined")
    return text
