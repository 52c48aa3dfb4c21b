"""A small healthy series on its way, and what can happen to it: changes that one cause makes to its checkpoints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.make.flat_series import Arrays

CHECKPOINTS = 7


def trained(count: int = CHECKPOINTS, seed: int = 0) -> list[Arrays]:
    """A small model on its way: an embedding, two dense layers with a normalisation between, a head, and Adam."""
    rng = np.random.default_rng(seed)
    now: Arrays = {
        "words/embeddings": rng.uniform(-0.05, 0.05, (60, 16)),
        "one/kernel": rng.uniform(-0.3, 0.3, (16, 24)),
        "one/bias": np.zeros(24),
        "bn/gamma": np.ones(24),
        "bn/beta": np.zeros(24),
        "bn/moving_mean": np.zeros(24),
        "bn/moving_variance": np.ones(24),
        "two/kernel": rng.uniform(-0.3, 0.3, (24, 20)),
        "two/bias": np.zeros(20),
        "head/kernel": rng.uniform(-0.4, 0.4, (20, 6)),
        "head/bias": np.zeros(6),
    }
    trainable = [name for name in now if "moving" not in name]
    towards = {name: 0.03 * rng.standard_normal(now[name].shape) for name in trainable}
    series = []
    for i in range(count):
        for name in trainable:
            now[name] = now[name] + towards[name] / (1 + i) + 0.002 * rng.standard_normal(now[name].shape)
        now["bn/moving_mean"] = now["bn/moving_mean"] * 0.8 + 0.05 * rng.standard_normal(24)
        now["bn/moving_variance"] = now["bn/moving_variance"] * 0.8 + 0.2 * rng.uniform(0.5, 2.0, 24)
        arrays = {name: values.astype("f4") for name, values in now.items()}
        for name in trainable:
            gradient = rng.standard_normal(now[name].shape).astype("f4") * np.float32(0.01)
            arrays[f"optimizer/{name}/m"] = gradient
            arrays[f"optimizer/{name}/v"] = np.square(gradient)
        series.append(arrays)
    return series


Change = Callable[[list[Arrays]], None]


def scaled(name: str, factor: float, since: int = 4) -> Change:
    """A tensor is multiplied from a checkpoint on."""

    def change(series: list[Arrays]) -> None:
        for arrays in series[since:]:
            arrays[name] = arrays[name] * np.float32(factor)

    return change


def held(*names: str) -> Change:
    """Tensors stay as they are in the first checkpoint."""

    def change(series: list[Arrays]) -> None:
        for arrays in series[1:]:
            arrays.update({name: series[0][name] for name in names})

    return change


def swapped(series: list[Arrays]) -> None:
    """The files of the first and of a late checkpoint have changed places; the steps inside have not."""
    series[1], series[5] = series[5], series[1]


def of_another_run(series: list[Arrays]) -> None:
    """One checkpoint is of a run that began as another seed says."""
    series[3] = trained(seed=9)[3]


def wandering(series: list[Arrays]) -> None:
    """The steps go anywhere, and none of them on in the direction of the one before."""
    rng = np.random.default_rng(3)
    for i, arrays in enumerate(series[1:], 1):
        for name, values in series[i - 1].items():
            if not name.startswith(("optimizer", "bn/moving")):
                arrays[name] = values + np.float32(0.03) * rng.standard_normal(values.shape).astype("f4")


def restored(series: list[Arrays]) -> None:
    """The last checkpoint is the best one again, as early stopping restores it."""
    series[-1] = dict(series[-3])


def moments_lost(series: list[Arrays]) -> None:
    """The run was resumed without the state of its optimizer."""
    for name in series[4]:
        if name.startswith("optimizer/"):
            series[4][name] = np.zeros_like(series[4][name])


def another_optimizer(series: list[Arrays]) -> None:
    """The optimizer that is saved has never been given a gradient."""
    for arrays in series:
        for name in arrays:
            if name.startswith("optimizer/"):
                arrays[name] = np.zeros_like(arrays[name])


def first_moments_fade(series: list[Arrays]) -> None:
    """A dead layer: its first moments have decayed to nothing, its second ones have not, and it rests."""
    for arrays in series[4:]:
        for name in arrays:
            if name.startswith(("optimizer/one", "optimizer/words")) and name.endswith("/m"):
                arrays[name] = np.zeros_like(arrays[name])


def no_gradient(*layers: str) -> Change:
    """Layers that no gradient reaches: zero moments in every checkpoint."""

    def change(series: list[Arrays]) -> None:
        for arrays in series:
            for name in arrays:
                if name.startswith(tuple(f"optimizer/{layer}/" for layer in layers)):
                    arrays[name] = np.zeros_like(arrays[name])

    return change


def one_bit(series: list[Arrays]) -> None:
    """The highest bit of an exponent is set in one value of one checkpoint."""
    for arrays in series[4:]:
        kernel = arrays["two/kernel"].copy()
        kernel.view("u4")[3, 5] |= 0x40000000
        arrays["two/kernel"] = kernel


def an_outlier(series: list[Arrays]) -> None:
    """One weight is thirty times as large as usual, as in some published models."""
    for arrays in series:
        arrays["two/kernel"][3, 5] = np.float32(30 * np.std(arrays["two/kernel"]))


def rounded_to_8_bits(series: list[Arrays]) -> None:
    """The last checkpoints hold an int8 model turned back to floats."""
    for arrays in series[5:]:
        for name in ("big/kernel",):
            scale = np.abs(arrays[name]).max() / 127
            arrays[name] = (np.round(arrays[name] / scale) * scale).astype("f4")


def with_a_big_kernel(change: Change) -> Change:
    """The change, after a kernel of 96 × 96 was added."""

    def both(series: list[Arrays]) -> None:
        rng = np.random.default_rng(5)
        kernel = rng.standard_normal((96, 96)) / 10
        for arrays in series:
            kernel = kernel + 0.003 * rng.standard_normal(kernel.shape)
            arrays["big/kernel"] = kernel.astype("f4")
        change(series)

    return both


def binary(series: list[Arrays]) -> None:
    """A binary kernel, of which some values flip."""
    rng = np.random.default_rng(6)
    for arrays in series:
        arrays["big/kernel"] = np.sign(arrays["big/kernel"] + 0.01 * rng.standard_normal((96, 96))).astype("f4")


def never_updated_statistics(series: list[Arrays]) -> None:
    for arrays in series:
        arrays["bn/moving_mean"], arrays["bn/moving_variance"] = np.zeros(24, "f4"), np.ones(24, "f4")


def normalisation_that_rests(series: list[Arrays]) -> None:
    """A frozen normalisation at its start: its scale does not learn either."""
    never_updated_statistics(series)
    for arrays in series:
        arrays["bn/gamma"], arrays["bn/beta"] = np.ones(24, "f4"), np.zeros(24, "f4")


def fresh(series: list[Arrays]) -> None:
    """A kernel that is frozen as it was initialised."""
    kernel = np.random.default_rng(8).uniform(-0.37, 0.37, (16, 24)).astype("f4")
    for arrays in series:
        arrays["one/kernel"], arrays["one/bias"] = kernel, np.zeros(24, "f4")


def pretrained(series: list[Arrays]) -> None:
    """A kernel that is frozen after it has been trained: it began evenly, and lost its edges."""
    rng = np.random.default_rng(8)
    kernel = (rng.uniform(-0.3, 0.3, (16, 24)) + 0.1 * rng.standard_normal((16, 24))).astype("f4")
    for arrays in series:
        arrays["one/kernel"] = kernel


def average(every: int) -> Change:
    """A target network beside the model, which takes its weights over every so many checkpoints; 0: never."""

    def change(series: list[Arrays]) -> None:
        for i, arrays in enumerate(series):
            source = series[i - i % every] if every else series[0]
            for name in ("one/kernel", "one/bias", "two/kernel"):
                arrays[f"target_net/{name}"] = source[name]

    return change


def collapsed_embedding(share: float) -> Change:
    """Rows that have moved to one vector by a share of their way."""

    def change(series: list[Arrays]) -> None:
        centre = np.random.default_rng(2).standard_normal(16)
        for i, arrays in enumerate(series):
            part = share * i / (len(series) - 1)
            arrays["words/embeddings"] = ((1 - part) * arrays["words/embeddings"] + part * 0.05 * centre).astype("f4")

    return change


def of_few_directions(count: int) -> Change:
    """A kernel that keeps so many directions beside a little noise."""

    def change(series: list[Arrays]) -> None:
        for arrays in series:
            left, values, right = np.linalg.svd(arrays["big/kernel"].astype("f8"))
            values[count:] *= 1e-3
            arrays["big/kernel"] = (left * values @ right).astype("f4")

    return change


def inputs_missing(count: int) -> Change:
    """So many of the 24 inputs of a layer are zero in every example: their rows keep their start."""

    def change(series: list[Arrays]) -> None:
        for arrays in series[1:]:
            arrays["two/kernel"][:count] = series[0]["two/kernel"][:count]

    return change


def alike(series: list[Arrays]) -> None:
    """All units of a layer began alike, and so did those of the next: the gradient never tells them apart."""
    for i, arrays in enumerate(series):
        arrays["two/kernel"] = np.repeat(np.linspace(0.1, 0.2 + 0.02 * i, 24, dtype="f4")[:, None], 20, axis=1)


def orthogonal(series: list[Arrays]) -> None:
    """Units of one norm each, as of an orthogonal initialisation, that turn."""
    rng = np.random.default_rng(4)
    for arrays in series:
        arrays["two/kernel"] = np.linalg.qr(rng.standard_normal((24, 20)))[0].astype("f4")


def loss_scale(scales: tuple[float, ...], rests: int) -> Change:
    """Mixed precision: its scale in each checkpoint, and from which one on nothing moves."""

    def change(series: list[Arrays]) -> None:
        for i, arrays in enumerate(series):
            if i > rests:
                arrays.update(series[rests])
            arrays["optimizer/dynamic_scale"] = np.array(scales[i], "f4")

    return change


def units_reordered(series: list[Arrays]) -> None:
    """A resumed run loads the output units of a layer in another order, and trains on."""
    order = np.random.default_rng(1).permutation(20)
    for arrays in series[4:]:
        arrays["two/kernel"] = arrays["two/kernel"][:, order]


def exchanged(series: list[Arrays]) -> None:
    """Two large layers of one shape changed places."""
    rng = np.random.default_rng(5)
    kernels = rng.standard_normal((2, 96, 96)) / 10
    for i, arrays in enumerate(series):
        kernels = kernels + 0.003 * rng.standard_normal(kernels.shape)
        first, second = kernels[:: 1 if i < 4 else -1].astype("f4")
        arrays["big/kernel"], arrays["tall/kernel"] = first, second


def transposed(series: list[Arrays]) -> None:
    kernel, rng = 0.3 * np.random.default_rng(1).standard_normal((20, 20)), np.random.default_rng(2)
    for i, arrays in enumerate(series):
        kernel = kernel + 0.01 * rng.standard_normal(kernel.shape)
        arrays["square/kernel"] = (kernel.T if i >= 4 else kernel).astype("f4")


def drawn_anew(series: list[Arrays]) -> None:
    """A layer that is reset on purpose: it is like nothing before."""
    rng = np.random.default_rng(11)
    for arrays in series[4:]:
        arrays["two/kernel"] = rng.uniform(-0.3, 0.3, (24, 20)).astype("f4")


def nothing(series: list[Arrays]) -> None:
    """The healthy series as it is."""


def two(*changes: Change) -> Change:
    """One change after the other."""

    def both(series: list[Arrays]) -> None:
        for change in changes:
            change(series)

    return both
