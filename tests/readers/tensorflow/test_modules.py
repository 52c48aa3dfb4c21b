"""Objects that are no models of Keras: ``tf.Module``, variables alone, Sonnet."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any


def test_modules(tf: ModuleType, workplace: Path, read: Any) -> None:
    class Linear(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self, rows: int, columns: int, name: str | None = None) -> None:
            super().__init__(name=name)
            with self.name_scope:
                self.w = tf.Variable(tf.ones((rows, columns)), name="w")

    class Net(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="net")
            with self.name_scope:
                self.parts = [Linear(2, 3), Linear(3, 4)]
                self.out = Linear(4, 1, name="head")
                self.factor = tf.Variable(1.0, name="factor")

    class Plain(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.w = tf.Variable(tf.ones((2, 2)))
            self.inner = Linear(1, 1)
            self.more = [tf.Variable(tf.ones(3)), tf.Variable(tf.zeros(3))]

    net = Net()
    tf.train.Checkpoint(net=net, step=tf.Variable(7, dtype=tf.int64)).save(str(workplace / "net"))
    tf.train.Checkpoint(net).write(str(workplace / "net-root"))
    for path in ("net-1", "net-root"):
        found = read(workplace / path)
        assert found.names() == ["parts/0/w", "parts/1/w", "head/w", "factor"]
        assert found.layers == ["parts/0", "parts/1", "head"]
        assert found.info("factor").layer == ""
    assert (read(workplace / "net-1").contents.step, read(workplace / "net-1").contents.step_source) == (
        7,
        "variable step",
    )
    tf.train.Checkpoint(module=Linear(2, 2, name="alone"), plain=Plain()).write(str(workplace / "plain"))
    assert read(workplace / "plain").names() == ["alone/w", "linear/w", "w", "more/0", "more/1"]


def test_an_optimizer_that_holds_the_model(tf: ModuleType, workplace: Path, read: Any) -> None:
    """As wrappers that average weights do: what it refers to stays the model's, what it alone has is its own."""

    class Averaging(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self, net: Any) -> None:
            super().__init__()
            self.net = net
            self.decay = tf.Variable(0.99, name="decay")
            self.shadow = tf.Variable(tf.ones((2, 3)), name="shadow")

    net = tf.Module(name="net")
    net.w = tf.Variable(tf.ones((2, 3)), name="w")
    tf.train.Checkpoint(a_optimizer=Averaging(net), net=net).write(str(workplace / "holder"))
    found = read(workplace / "holder")
    assert found.names() == ["net/w"]
    assert sorted(found.names("optimizer")) == ["optimizer/decay", "optimizer/shadow"]


def test_variables_on_the_checkpoint_itself(tf: ModuleType, workplace: Path, read: Any) -> None:
    tf.train.Checkpoint(w=tf.Variable(tf.ones((2, 2))), v=tf.Variable(tf.ones(3), name="a/b")).write(
        str(workplace / "bare")
    )
    assert read(workplace / "bare").names() == ["b", "w"]


def test_sonnet(shared_data: Path, read: Any) -> None:
    folder = shared_data / "single/sonnet-golden/sonnet/src/conformance/checkpoints"

    def names(which: str) -> list[str]:
        return list(read(folder / which / "checkpoint-1").names())

    assert names("mlp_3x4x5_1x3") == [f"linear_{i}/{v}" for i in range(3) for v in "wb"]
    assert names("lstm_1") == ["lstm/w_i", "lstm/w_h", "lstm/b"]
    assert names("batch_norm_1x2x2x3") == [
        *(f"batch_norm/moving_{s}/{v}" for s in ("mean", "variance") for v in ("counter", "hidden", "average")),
        "batch_norm/scale",
        "batch_norm/offset",
    ]
    network = read(folder / "cifar10_convnet_2x3_2x2_1x3x3x2" / "checkpoint-1")
    assert network.layers == ["conv_2d_0", "conv_2d_1", "batch_norm_0", "batch_norm_1", "logits"]
    assert network.info("batch_norm_1/moving_variance/average").role == "moving_variance"
    assert read(folder / "vqvae_ema_train" / "checkpoint-1").layers == ["vector_quantizer_ema"]
    assert names("ema_2") == [f"exponential_moving_average/{v}" for v in ("counter", "hidden", "average")]
