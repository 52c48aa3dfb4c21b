"""Which number of a file name is the step."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reporter.discover.naming import number_labels
from reporter.discover.series import slug
from reporter.model.natural_order import natural


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
        # metrics that are no number, tiny, negative, or whole beside decimals
        (["w.04-nan", "w.03-9e-05", "w.10-2.0e-05"], [("w.#", 4), ("w.#", 3), ("w.#", 10)]),
        (["w.04--0.53", "w.05-0.53", "w.06-inf"], [("w.#", 4), ("w.#", 5), ("w.#", 6)]),
        (["w-1-0.5", "w-2-1", "w-3-1.02"], [("w-#", 1), ("w-#", 2), ("w-#", 3)]),
        (["w.01.0.63", "w.10.0.71"], [("w.#", 1), ("w.#", 10)]),
        (["ep5_reward_-200", "ep10_reward_35"], [("ep#_reward_*", 5), ("ep#_reward_*", 10)]),
        (["01-97", "02-98", "10-97"], [("#", 1), ("#", 2), ("#", 10)]),
        (["acc0.53_e5", "acc0.55_e6"], [("acc*_e#", 5), ("acc*_e#", 6)]),
        # times are no steps
        (["2024-01-31_23-59-59"], [("#", None)]),
        (["model_20240131-235959", "model_20240201-000500"], [("model_#", None), ("model_#", None)]),
        (["1706745599", "1706745699"], [("#", None), ("#", None)]),
        (["step_20240131", "step_20240229"], [("step_#", 20240131), ("step_#", 20240229)]),
        (["20240131_e5", "20240131_e6", "20240201_e7"], [("*_e#", 5), ("*_e#", 6), ("*_e#", 7)]),
        (["240131_e1", "240131_e2", "240201_e1"], [("240131_e#", 1), ("240131_e#", 2), ("240201_e#", 1)]),
        (["20240131_1200", "20240131_1300"], [("20240131_#", 1200), ("20240131_#", 1300)]),
        # nor are hashes, also where one of them is all digits
        (["9c0d12ab3e58"], [("9c0d12ab3e58", None)]),
        (["001_20240131_9c0d3e58", "002_20240131_12345678"], [("#", 1), ("#", 2)]),
        (["e1_ab12cd34", "e2_1b12cd35"], [("e#", 1), ("e#", 2)]),
        (["00001234_ab12cd34", "00001235_12345678"], [("#", 1234), ("#", 1235)]),
        # a coarser count beside the step, a batch within an epoch, and numbers that tell runs apart
        (["epoch=0-step=9", "epoch=0-step=18", "epoch=1-step=27"], [("epoch=*-step=#", n) for n in (9, 18, 27)]),
        (["epoch_1_batch_5", "epoch_1_batch_9", "epoch_2_batch_5"], [("epoch_#_batch_#", None)] * 3),
        (["m18-1", "m18-2", "m50-1"], [("m18-#", 1), ("m18-#", 2), ("m50-#", 1)]),
        (["e1_fold1", "e2_fold1", "e1_fold2"], [("e#_fold1", 1), ("e#_fold1", 2), ("e#_fold2", 1)]),
        (["lr0.1_e5", "lr0.1_e6", "lr0.01_e5"], [("lr0.1_e#", 5), ("lr0.1_e#", 6), ("lr0.01_e#", 5)]),
        # what differs in words behind the step is another series
        (
            ["10_net_A", "20_net_A", "10_net_B", "20_net_B"],
            [*[("#_net_A", n) for n in (10, 20)]] + [("#_net_B", n) for n in (10, 20)],
        ),
        (
            ["ckpt-10", "ckpt-9", "ckpt-best", "ckpt-final"],
            [("ckpt-#", 10), ("ckpt-#", 9), ("ckpt-best", None), ("ckpt-final", None)],
        ),
        # numbers that do not vary are none; capitals, camels and other digits are as good
        (["model2_v2_e3", "model2_v2_e4"], [("model2_v2_e#", 3), ("model2_v2_e#", 4)]),
        (["model2"], [("model2", None)]),
        (["resnet50_v2"], [("resnet50_v2", None)]),
        (["EPOCH_3", "EPOCH_12"], [("EPOCH_#", 3), ("EPOCH_#", 12)]),
        (["netEpoch5acc1", "netEpoch6acc1"], [("netEpoch#acc*", 5), ("netEpoch#acc*", 6)]),
        (["epoch_٣", "epoch_١٢"], [("epoch_#", 3), ("epoch_#", 12)]),
    ],
)
def test_stem_and_step(labels: list[str], expected: list[tuple[str, int | None]]) -> None:
    assert [(n.stem, n.number) for n in number_labels(labels)] == expected


def ordered(labels: list[str]) -> list[str]:
    """One series of labels, in the order of their names."""
    found = number_labels(labels)
    assert len({n.stem for n in found}) == 1, found
    assert all(n.key for n in found)
    return [label for _, label in sorted(zip([n.key for n in found], labels, strict=True))]


def test_batches_stand_within_their_epochs() -> None:
    labels = [f"epoch_{e}_batch_{b}" for e in (1, 2, 10) for b in (5, 100)]
    assert ordered(labels[::-1]) == labels


@given(
    st.lists(st.integers(0, 2000), unique=True, min_size=2, max_size=12),
    st.sampled_from(["{:02d}", "{}", "{:06d}"]),
    st.sampled_from(["weights.{}-{}", "cp_{}_loss={}", "epoch={}-val_loss={}", "m.e{}.{}"]),
    st.data(),
)
def test_metrics_change_neither_series_nor_order(
    epochs: list[int], number: str, form: str, data: st.DataObject
) -> None:
    """Whatever a metric is, and however Python prints it."""
    metrics = data.draw(
        st.lists(st.floats(), min_size=len(epochs), max_size=len(epochs)).filter(
            lambda m: "{}.{}" not in form or all(v != v or abs(v) < 1e16 for v in m)
        )
    )
    labels = [form.format(number.format(e), m) for e, m in zip(epochs, metrics, strict=True)]
    assert [n.number for n in number_labels(labels)] == epochs


@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), min_size=2, max_size=8, unique=True), st.data()
)
def test_times_in_names_are_in_the_order_of_time(moments: list[datetime], data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["%Y%m%d-%H%M%S", "%Y-%m-%d_%H-%M-%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S"]))
    moments = sorted({m.replace(microsecond=0) for m in moments})
    labels = [f"model_{m.strftime(form)}" for m in moments]
    found = number_labels(labels)
    assert {(n.stem, n.number) for n in found} == {("model_#", None)}
    assert sorted(n.moment or 0 for n in found) == [n.moment for n in found]


@given(st.lists(st.uuids(version=4), min_size=2, max_size=12, unique=True), st.integers(8, 32))
def test_hash_tails_change_neither_series_nor_order(hashes: list[UUID], length: int) -> None:
    labels = [f"{i:03d}_{h.hex[:length]}" for i, h in enumerate(hashes)]
    assume(any(re.search(r"\d[a-f]", h.hex[:length]) for h in hashes))
    found = [n for n, h in zip(number_labels(labels), hashes, strict=True) if re.search(r"\d", h.hex[:length])]
    assert {n.stem for n in found} <= {"#"}


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
