"""The last rules of every document: the colour that the user chose, and the style sheet that is the user's own."""

from __future__ import annotations

from reporter.model.look import Look
from reporter.render.assets import read_asset


def own_style(look: Look) -> str:
    """Rules that apply after all others, in pages and in the PDF.

    >>> "border-top: 5px solid #0a56a3" in own_style(Look(accent="#0a56a3"))
    True
    """
    accent = f".top, .cover {{ border-top: 5px solid {look.accent}; padding-top: 0.8rem; }}\n" if look.accent else ""
    return accent + read_asset("css/own.css", look.templates)
