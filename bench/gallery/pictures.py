"""Pictures of the pages of a report as a reader sees them: in light and dark, on a telephone, on paper."""

from __future__ import annotations

import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from selenium.webdriver import Chrome

from tests.browser import chromium

HEIGHT = 1000
"""Of a picture in CSS pixels."""

PAPER = 12
"""Most sheets of a document of which there are pictures."""

LOOKS = (("light", 1280, "light"), ("dark", 1280, "dark"), ("narrow", 390, "light"))
"""What a picture is called, the width of the window, and the colours that the reader prefers."""

MOMENTS = {
    "hero": "scrollTo(0, 0)",
    "findings": "find('#findings')?.scrollIntoView()",
    "cards": "const card = find('.cards .card.fail, .cards .card.warn, .cards .card');"
    "if (card) { card.open = true; card.closest('.group')?.setAttribute('open', ''); card.scrollIntoView(); }",
    "compare": "find('section:has(.compare)')?.scrollIntoView()",
    "courses": "find('section:has(.courses)')?.scrollIntoView()",
    "trends": "find('section[id^=trend]')?.scrollIntoView()",
    "moved": "find('section[id^=moved]')?.scrollIntoView()",
    "checks": "find('#checks')?.scrollIntoView()",
    "end": "scrollTo(0, document.body.scrollHeight)",
}
"""What a page shows at each picture: a script that scrolls there, and leaves the page where it is if that is absent."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file, and what it shows."""

    path: Path
    title: str


def of_page(driver: Chrome, page: Path, folder: Path, moments: tuple[str, ...]) -> Iterator[Picture]:
    """Pictures of a page at some moments, in every look, and of its sheets when it is printed."""
    for look, width, colours in LOOKS:
        chromium.resize(driver, width, HEIGHT)
        chromium.prefer(driver, colours)
        driver.get(page.as_uri())
        for moment in moments:
            before = driver.execute_script("return scrollY")
            driver.execute_script(f"const find = s => document.querySelector(s); {MOMENTS[moment]}")
            time.sleep(0.4)  # for what is drawn when it comes near
            if moment != "hero" and driver.execute_script("return scrollY") == before:
                continue
            path = folder / f"{page.stem}-{moment}-{look}.png"
            driver.save_screenshot(str(path))
            yield Picture(path, f"{page.stem}: {moment}, {look}")
    chromium.prefer(driver, "light")
    sheets = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    printed = folder / f"{page.stem}-print.pdf"
    printed.write_bytes(b64decode(sheets["data"]))
    yield from of_document(printed, folder)


def of_document(document: Path, folder: Path) -> Iterator[Picture]:
    """Pictures of the sheets of a PDF; none where poppler is not installed."""
    if shutil.which("pdftoppm") is None:
        return
    stem = folder / document.stem
    subprocess.run(
        ["pdftoppm", "-r", "70", "-png", "-l", str(PAPER), "--", str(document), str(stem)], check=True, timeout=300
    )
    for path in sorted(folder.glob(f"{document.stem}-[0-9]*.png")):
        yield Picture(path, f"{document.name}, sheet {path.stem.rpartition('-')[2].lstrip('0')}")
