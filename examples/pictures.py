"""Draw the pictures of the manual anew: ``python -m examples.pictures FOLDER``, or ``make docs-pictures``.

The run of the tutorial is trained and reported on, its first screen photographed by Chromium, and what else the
tutorial shows taken from the report's folder of pictures. They are reduced to 64 colours, since they are part of the
source.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver

PLOTS = {"metrics": "*-metrics.png", "distribution": "*-distribution-hidden.png"}
"""Name of the picture in the manual -> that in the report."""

WIDTH, HEIGHT, COLOURS = 1280, 860, 64


def main(folder: Path) -> None:
    """Write all pictures into a folder."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _run(["examples.broken_run", str(work / "runs" / "bars")], Path.cwd())
        _run(["reporter", "report", "runs/bars", "--no-pdf", "--fail-on", "none"], work)
        latest = work / "reports" / "latest"
        _save(_first_screen(latest / "index.html"), folder / "report.png")
        for picture, pattern in PLOTS.items():
            (plot,) = (latest / "plots").glob(pattern)
            _save(plot.read_bytes(), folder / f"{picture}.png")


def _run(module: list[str], folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", *module], cwd=folder, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, check=True
    )


def _first_screen(page: Path) -> bytes:
    options = webdriver.ChromeOptions()
    for flag in ("--headless", "--no-sandbox", "--hide-scrollbars", "--force-prefers-reduced-motion"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options)
    try:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(page.resolve().as_uri())
        return browser.get_screenshot_as_png()
    finally:
        browser.quit()


def _save(png: bytes, path: Path) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
