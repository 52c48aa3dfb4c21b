"""Which number of a file name is the step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.discover.naming import natural, number_labels
from reporter.discover.series import slug


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["model.ckpt-5", "model.ckpt-12000"], [("model.ckpt-#", 5), ("model.ckpt-#", 12000)]),
        (["ckpt-9", "ckpt-10", "ckpt-100"], [("ckpt-#", 9), ("ckpt-#", 10), ("ckpt-#", 100)]),
        (["weights.01-0.63", "weights.02-1.21"], [("weights.#", 1), ("weights.#", 2)]),
        (["cp-0005", "cp-0010"], [("cp-#", 5), ("cp-#", 10)]),
        (["epoch_07", "epoch_08"], [("epoch_#", 7), ("epoch_#", 8)]),
        (["resnet50_e1", "resnet50_e2"], [("resnet50_e#", 1), ("resnet50_e#", 2)]),
        (["resnet18-1", "resnet50-1"], [("resnet#", 18), ("resnet#", 50)]),
        (["0000100_adapters", "0000200_adapters"], [("#_adapters", 100), ("#_adapters", 200)]),
        (["00000123", "00000124"], [("#", 123), ("#", 124)]),
        (["best", "last"], [("best", None), ("last", None)]),
        (["vgg16"], [("vgg16", None)]),
        (["pub_cb975cfd05f97efa0b3afffe075cc"], [("pub_cb975cfd05f97efa0b3afffe075cc", None)]),
        (["x.cptk-700000"], [("x.cptk-#", 700000)]),
        (["-3801"], [("-#", 3801)]),
        (["run1_step10", "run1_step20", "run2_step10"], [("run1_step#", 10), ("run1_step#", 20), ("run2_step#", 10)]),
        (["fer_x.29-0.62", "fer_x.107-0.66"], [("fer_x.#", 29), ("fer_x.#", 107)]),
    ],
)
def test_stem_and_step(labels: list[str], expected: list[tuple[str, int | None]]) -> None:
    assert [(n.stem, n.number) for n in number_labels(labels)] == expected


@given(st.lists(st.text(), max_size=6))
def test_any_names_are_taken(labels: list[str]) -> None:
    assert len(number_labels(labels)) == len(labels)


def test_natural_order() -> None:
    assert sorted(["a10", "a9", "a100", "b1", "a"], key=natural) == ["a", "a9", "a10", "a100", "b1"]


@given(st.lists(st.text(), unique=True, min_size=2, max_size=8))
def test_slugs_are_harmless_and_unique(names: list[str]) -> None:
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    for text in slugs:
        assert text.isascii()
        assert "/" not in text
        assert not text.startswith(".")
        assert len(text) < 80
