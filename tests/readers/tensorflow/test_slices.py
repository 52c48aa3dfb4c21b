"""Parts of partitioned tensors: keys that sort as TensorFlow's do, and boxes that cover exactly."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.readers.files.wire import WireError
from reporter.readers.tensorflow.slices import FULL, Box, parse_box, slice_key, tiles

NUMBERS = st.integers(-1, 2**62) | st.integers(-1, 300)
CUTS = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=3)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=12, unique=True))
def test_keys_sort_as_the_numbers_do(pairs: list[tuple[int, int]]) -> None:
    """What OrderedCode is for."""
    pairs.sort()
    keys = [slice_key(b"w", Box((start,), (length,))) for start, length in pairs]
    assert all(a < b for a, b in pairwise(keys))


@given(st.sets(st.binary(max_size=6), min_size=2, max_size=8))
def test_keys_sort_as_the_names_do(names: set[bytes]) -> None:
    keys = [slice_key(name, Box((0,), (1,))) for name in sorted(names)]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(names)


def boxes_of(cuts: list[list[int]]) -> list[Box]:
    spans = [[(sum(axis[:i]), n) for i, n in enumerate(axis)] for axis in cuts]
    return [Box(tuple(s for s, _ in cell), tuple(n for _, n in cell)) for cell in product(*spans)]


@given(CUTS, st.data())
def test_a_grid_tiles_and_less_or_more_does_not(cuts: list[list[int]], data: st.DataObject) -> None:
    shape = [sum(axis) for axis in cuts]
    boxes = data.draw(st.permutations(boxes_of(cuts)))
    assert tiles(boxes, shape)
    assert not tiles(boxes[1:], shape)
    assert not tiles([*boxes, boxes[0]], shape)
    assert not tiles(boxes, [shape[0] + 1, *shape[1:]])
    moved = Box((boxes[0].starts[0] + 1, *boxes[0].starts[1:]), boxes[0].lengths)
    assert not tiles([moved, *boxes[1:]], shape)


def test_boxes_that_overlap_and_leave_a_gap_of_equal_size() -> None:
    assert not tiles([Box((0, 0), (2, 2)), Box((0, 1), (2, 2))], (2, 4))
    assert not tiles([Box((0,), (4,))], (2, 2))
    assert not tiles([Box((0, 0), (2, 0)), Box((0, 0), (2, 2))], (2, 2))
    assert not tiles([Box((-1,), (3,))], (3,))


def test_boxes_that_are_no_grid() -> None:
    boxes = [Box((0, 0), (2, 4)), Box((2, 0), (1, 1)), Box((2, 1), (1, 3))]
    assert tiles(boxes, (3, 4))
    assert not tiles([boxes[0], Box((2, 0), (1, 2)), boxes[2]], (3, 4))
    assert tiles([Box((), ())], ())
    assert not tiles([Box((), ()), Box((), ())], ())


def test_a_box_as_stored() -> None:
    assert parse_box(b"\x0a\x04\x08\x02\x10\x03\x0a\x00") == Box((2, 0), (3, FULL))
    with pytest.raises(WireError, match="negative"):
        parse_box(b"\x0a\x0b\x10" + b"\xff" * 9 + b"\x01")
