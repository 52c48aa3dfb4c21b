"""Where templates, style sheets and scripts are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from reporter.errors import RenderError

_PACKAGE = Path(__file__).resolve().parent.parent


def templates_folder() -> Path:
    """The folder that holds ``report.html``; a wheel carries it as ``reporter/templates``.

    Raises:
        RenderError: neither place has it: the installation is incomplete.
    """
    places = (_PACKAGE / "templates", _PACKAGE.parent / "templates")
    for folder in places:
        if (folder / "report.html").is_file():
            return folder
    raise RenderError(f"no templates in {' or '.join(map(str, places))}: install ckpt-report again")


def read_asset(name: str) -> str:
    """The text of a style sheet or script, to be inlined unchanged.

    Raises:
        RenderError: it is missing, or would end the element it is inlined in.
    """
    try:
        text = (templates_folder() / name).read_text(encoding="utf-8")
    except OSError as exc:
        raise RenderError(f"{name}: {exc.strerror}: install ckpt-report again") from exc
    if "</" in text:
        raise RenderError(f"{name}: '</' cannot be inlined")
    return text
