"""Text that was painted once and is used again looks as Pillow paints it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from reporter.plots import lettering


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("text", ["conv2d_1/kernel", "jÅgy (−1.5e-07)", "f", " ", "…", "W" * 200, "|", "Ǻ_"])
def test_a_stamp_is_the_text_pixel_by_pixel(text: str, bold: bool) -> None:
    backgrounds = np.random.default_rng(0).integers(0, 256, (60, 400, 3), np.uint8)
    direct, stamped = Image.fromarray(backgrounds), Image.fromarray(backgrounds)
    ImageDraw.Draw(direct).text((7, 33), text, fill="#0072b2", font=lettering.font(bold), anchor="ls")
    stamp = lettering.stamp(text, bold)
    ImageDraw.Draw(stamped).bitmap((7 + stamp.left, 33 + stamp.top), stamp.mask, fill="#0072b2")
    np.testing.assert_array_equal(np.asarray(stamped), np.asarray(direct))
