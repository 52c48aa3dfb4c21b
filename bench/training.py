"""A training with the callback beside the same training without it: what recording every epoch costs.

Processor time counts, of all threads: wall time says nothing where others work on the machine. The two run in turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from bench.row import Context, Measurement

EPOCH = 60.0
"""Seconds of the epoch that the cost is held against, and the share of it that recording may take."""
SHARE = 0.02

_TRAINING = """
import json, os, statistics, sys, time, logging
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
import numpy as np, keras, reporter
from reporter.keras import Report

epochs, batches, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
keras.utils.set_random_seed(0)
model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=10)
model.compile("adam", "sparse_categorical_crossentropy")
rng = np.random.default_rng(0)
x, y = rng.standard_normal((8 * batches, 64, 64, 3), "f4"), rng.integers(0, 10, 8 * batches)

class Timed(Report):
    spent = []
    def on_epoch_end(self, epoch, logs=None):
        start = time.process_time()
        super().on_epoch_end(epoch, logs)
        self.spent.append(time.process_time() - start)
    def on_train_end(self, logs=None):  # the report at the end is made once, whatever the length of the training
        pass

def train(*callbacks):
    start = time.process_time()
    model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return (time.process_time() - start) / epochs

train(), train(Timed(out + "/warm", initial=False))  # graphs are traced, kernels compiled
Timed.spent.clear()
pairs = []
for turn in range(3):
    callback = Timed(f"{out}/{turn}", initial=False)
    pairs.append((train(callback), train()))
    files = [path.stat().st_size for path in callback.recorder.folder.rglob("*") if path.is_file()]
print(json.dumps({"spent": statistics.median(Timed.spent), "worst": max(Timed.spent), "pairs": pairs,
                  "kilobytes": sum(files) / 1000 / epochs}))
"""


def rows(context: Context) -> Iterator[Measurement]:
    """Recording a ResNet50, 94 MB, every epoch: by itself, and beside the same training without."""
    epochs, batches = (4, 40) if context.full else (3, 3)
    command = [sys.executable, "-c", _TRAINING, str(epochs), str(batches), context.folder]
    done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    ours, without = (sum(times) / len(times) for times in zip(*done["pairs"], strict=True))
    spent, limit = done["spent"], SHARE * EPOCH
    yield Measurement(
        "recording the weights of a ResNet50, processor time", spent, limit, "2 % of a minute", spent / limit,
        "< 2 % of an epoch of a minute", spent < limit,
    )  # fmt: skip
    yield Measurement(
        f"an epoch of {batches} batches with the callback, processor time", ours, without, "the same without it",
        ours / without,
    )  # fmt: skip
    yield Measurement("what is kept of a state", done["kilobytes"] / 1000, unit="MB")
