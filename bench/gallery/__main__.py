"""``python -m bench.gallery [--data DIR] [--out DIR] [NAME …]``: make reports, and pictures of their pages.

Everything is on one page, ``index.html`` in the output folder. Real checkpoints are read from a folder with ``series``
and ``single`` beside this checkout, which is not a part of it; without that there are only the reports on runs that are
trained here. Checkpoints and what was measured are kept, so that a second look takes less time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from selenium.webdriver import Chrome

from bench.gallery.pictures import Picture, of_document, of_page
from bench.gallery.subjects import Subject, subjects
from reporter.pipeline import run
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.browser import chromium

DATA = Path(__file__).parents[3] / "shared" / "data"
"""Real checkpoints, which are not a part of this checkout."""

REPORT = ("hero", "findings", "cards", "compare", "courses", "trends", "moved", "checks", "end")
OTHER = ("hero", "cards")
"""Moments of the pictures of a report, and of its other pages."""

STYLE = "body{font:15px sans-serif;margin:2rem}figure{display:inline-block;margin:0 1rem 1rem 0;vertical-align:top}"
STYLE += "img{width:400px;border:1px solid #999}"


def main(arguments: Sequence[str]) -> int:
    """Make all reports, or those named, with their pictures, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.gallery", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of real checkpoints")
    parser.add_argument("--out", type=Path, default=Path("gallery"), help="folder to write (default: gallery)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of reports; all of them if none is named")
    options = parser.parse_args(arguments)
    known = {subject.name: subject for subject in subjects(options.data)}
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no such report: {', '.join(unknown)}; there are {', '.join(known)}")
    if why := chromium.missing():
        print(f"no pictures can be taken: {why}", file=sys.stderr)
        return 1
    if not options.data.is_dir():
        print(f"without real checkpoints: there is no {options.data}", file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    shown = {}
    with tempfile.TemporaryDirectory(prefix="gallery-", ignore_cleanup_errors=True) as profile:
        driver = chromium.start(Path(profile), "--hide-scrollbars")
        try:
            for subject in [known[name] for name in options.names or known]:
                shown[subject] = list(_shown(subject, options.out, driver))
                print(f"{subject.name}: {len(shown[subject])} pictures", flush=True)
        finally:
            driver.quit()
    (options.out / "index.html").write_text(_index(shown, options.out), encoding="utf-8")
    print(options.out / "index.html")
    return 0


def _shown(subject: Subject, out: Path, driver: Chrome) -> list[Picture]:
    """Report on a subject, and take pictures of the report's page, one of a series, of a checkpoint and the PDF."""
    checkpoints = subject.folder(out / "checkpoints" / subject.name)
    settings = Settings(roots=(checkpoints,), out=out / "reports" / subject.name, cache=out / "cache")
    made = run(settings, Progress(quiet=True)).folder
    folder = out / "pictures" / subject.name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    pictures = list(of_page(driver, made / "index.html", folder, REPORT))
    for below in ("series", "checkpoints"):
        for page in sorted((made / below).glob("*.html"))[-1:]:
            pictures += of_page(driver, page, folder, REPORT if below == "series" else OTHER)
    if (made / "report.pdf").exists():
        pictures += of_document(made / "report.pdf", folder)
    return pictures


def _index(shown: Mapping[Subject, Sequence[Picture]], out: Path) -> str:
    """The page that holds all pictures, with links to the reports."""
    parts = [f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Gallery</title><style>{STYLE}</style>']
    for subject, pictures in shown.items():
        report = f"reports/{subject.name}/latest/index.html"
        parts.append(f'<h2><a href="{escape(report)}">{escape(subject.name)}</a>: {escape(subject.title)}</h2>')
        for picture in pictures:
            path = escape(picture.path.relative_to(out).as_posix())
            parts.append(
                f'<figure><a href="{path}"><img loading="lazy" src="{path}" alt=""></a>'
                f"<figcaption>{escape(picture.title)}</figcaption></figure>"
            )
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
