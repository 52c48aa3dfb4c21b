"""The numbers that a page embeds are those that its pictures were drawn from, each of them once."""

from __future__ import annotations

import json
import struct
import zlib
from base64 import b64decode
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.model.blocks import Figure, Figures
from reporter.model.page import Page, Section
from reporter.model.reading import BinsArea, CellsArea, LinesArea
from reporter.render import render_html
from reporter.render.page_data import TYPES, PageData

BOX = (0.0, 0.0, 80.0, 40.0)


def arrays(record: dict[str, Any]) -> list[npt.NDArray[Any]]:
    """What the script makes of the packed numbers."""
    packed = zlib.decompress(b64decode(record["numbers"]))
    (count,) = struct.unpack_from("<I", packed)
    at, found = -(-(4 + 8 * count) // 8) * 8, []
    for i in range(count):
        kind, length = struct.unpack_from("<2I", packed, 4 + 8 * i)
        found.append(np.frombuffer(packed[at : at + length], TYPES[kind]))
        at += -(-length // 8) * 8
    assert at == len(packed)
    return found


def bins(counts: tuple[tuple[int, ...] | None, ...]) -> BinsArea:
    return BinsArea(BOX, ("1", "2"), -1.0, 1.0, False, (-1.0, 0.0, 1.0), counts, ((0, 0), (7, 70_000)))


def figure(*areas: BinsArea | CellsArea | LinesArea) -> Figure:
    return Figure("f", b"png", 80, 40, "alt", "caption", reading=areas)


def test_counts_come_back_exactly_and_only_once() -> None:
    data = PageData()
    big = (2**32 + 1, 3)
    assert data.picture(figure(bins(((1, 300), big)))) == 0
    assert data.picture(figure(bins(((1, 300), None)))) == 1
    record = json.loads(data.json())
    held = arrays(record)
    (first,), (second,) = record["pictures"]
    rows = held[first["counts"]]
    assert held[rows[0] - 1].tolist() == [1, 300]
    assert held[rows[1] - 1].tolist() == list(big), "a count that 32 bits do not hold"
    assert held[second["counts"]].tolist() == [rows[0], 0], "the same row again, and one that is not there"
    assert first["edges"] == second["edges"]
    assert first["labels"] == second["labels"]
    assert held[first["outside"]].tolist() == [0, 0, 7, 70_000]


def test_numbers_that_are_none_stay_apart_from_those_that_are_not_finite() -> None:
    data = PageData()
    cells = CellsArea(BOX, ("a",), ("1", "2", "3"), (0.1, None, float("inf")), "× first")
    lines = LinesArea(BOX, (10.0, 20.0), ("1", "2"), (("norm", (1e300, None)),))
    data.picture(figure(cells, lines))
    record = json.loads(data.json())
    held = arrays(record)
    first, second = record["pictures"][0]
    assert held[first["values"]][0] == 0.1
    assert np.isnan(held[first["values"]][1])
    assert np.isinf(held[first["values"]][2])
    assert held[second["values"][0]][0] == 1e300


def test_names_cannot_leave_their_element() -> None:
    evil = "</script><script>alert(1)</script>\u202e\udc80&amp;"
    area = CellsArea(BOX, (evil,), ("1",), (0.5,), "")
    text = render_html(Page("t", "", (Section("s", "S", (Figures((figure(area),)),)),)))
    text.encode()
    (block,) = [part.split("</script>")[0] for part in text.split('id="data">')[1:]]
    assert not {"<", ">"} & set(block.replace(">", "")), "no tag"
    shown = json.loads(block)["lists"][0][0]
    assert shown.startswith("</script>")
    assert "\\u202e\\udc80" in shown, "deceptive characters are visible"


def test_a_page_without_numbers_has_no_block() -> None:
    assert 'id="data"' not in render_html(Page("t", "", (Section("s", "S", (Figure("f", b"p", 1, 1, "a", "c"),)),)))
