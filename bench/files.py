"""Make the checkpoints that are measured: random weights in the shapes that models have."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

# The weight matrices of ResNet50, without batch normalisation: (3×3 or 1×1, inputs, outputs), how often.
RESNET50 = (
    ((7, 7, 3, 64), 1), ((1, 1, 64, 64), 3), ((3, 3, 64, 64), 3), ((1, 1, 64, 256), 4), ((1, 1, 256, 128), 1),
    ((3, 3, 128, 128), 4), ((1, 1, 128, 512), 4), ((1, 1, 256, 512), 1), ((1, 1, 512, 128), 3),
    ((1, 1, 512, 256), 1), ((3, 3, 256, 256), 6), ((1, 1, 256, 1024), 6), ((1, 1, 512, 1024), 1),
    ((1, 1, 1024, 256), 5), ((1, 1, 1024, 512), 1), ((3, 3, 512, 512), 3), ((1, 1, 512, 2048), 3),
    ((1, 1, 1024, 2048), 1), ((1, 1, 2048, 512), 2), ((2048, 1000), 1),
)  # fmt: skip

# 16 MiB of normally distributed float32, of which all weights are shifted copies: faster than drawing each value.
_PATTERN = np.random.default_rng(0).standard_normal(1 << 22).astype(np.float32) * np.float32(0.05)


def resnet50() -> list[tuple[int, ...]]:
    """The shapes of all kernels of ResNet50, each followed by that of a bias: 102 MB of float32."""
    kernels = [shape for shape, times in RESNET50 for _ in range(times)]
    return [shape for kernel in kernels for shape in (kernel, kernel[-1:])]


def matrices(nbytes: int, each: int = 32 << 20) -> list[tuple[int, ...]]:
    """Shapes of kernels with 1,024 columns, of ``each`` bytes as float32, that add up to about ``nbytes``."""
    each = min(each, nbytes)
    return [(each // 4 // 1024, 1024)] * (nbytes // each)


def safetensors(path: Path, shapes: list[tuple[int, ...]], seed: int = 0) -> Path:
    """Write a safetensors file piece by piece, so that it may be larger than memory.

    Args:
        path: of the file.
        shapes: of its tensors; those with more than one axis are called kernels, the others biases.
        seed: gives files different values.
    """
    header, at = {}, 0
    for i, shape in enumerate(shapes):
        size = 4 * int(np.prod(shape))
        name = f"layer{i}.{'kernel' if len(shape) > 1 else 'bias'}"
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for i, shape in enumerate(shapes):
            left, shifted = int(np.prod(shape)), np.roll(_PATTERN, 1009 * i + seed)
            while left:
                count = min(left, shifted.size)
                file.write(shifted[:count].data)
                left -= count
    return path


def keras_archive(path: Path, shapes: list[tuple[int, ...]]) -> Path:
    """Write a ``.keras`` file laid out as by Keras: zip members without compression, contiguous HDF5 datasets."""
    import io
    import zipfile

    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        for i, shape in enumerate(shapes):
            name = "dense" if i == 0 else f"dense_{i}"
            file[f"layers/{name}/vars/0"] = np.resize(_PATTERN, shape)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0.0"}')
        archive.writestr("config.json", '{"class_name": "Sequential", "config": {"layers": []}}')
        archive.writestr("model.weights.h5", memory.getvalue())
    return path


def tensorflow(prefix: Path, shapes: list[tuple[int, ...]]) -> Path:
    """Write a TensorFlow checkpoint, by TensorFlow itself, in a process of its own."""
    code = """
import sys, json, numpy as np, tensorflow as tf
rng = np.random.default_rng(0)
values = [(rng.standard_normal(shape) * 0.05).astype("f4") for shape in json.loads(sys.argv[2])]
tf.train.Checkpoint(layers=[tf.Variable(v) for v in values]).write(sys.argv[1])
"""
    subprocess.run([sys.executable, "-c", code, str(prefix), json.dumps(shapes)], check=True, capture_output=True)
    return prefix
