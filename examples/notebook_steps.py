"""What became of a model's weights, from Python: ``python -m examples.notebook_steps FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import reporter


def main(folder: Path) -> str:
    """Measure weights before and after a change, look at them, and write two pictures and a table to a folder."""
    rng = np.random.default_rng(0)
    before = {"dense/kernel": rng.normal(size=(64, 32)), "dense/bias": np.zeros(32)}
    after = {name: values + 0.01 * rng.normal(size=values.shape) for name, values in before.items()}

    result = reporter.measure(before, bins=40)  # or a path, a model, a layer, a variable
    kernel = result["dense/kernel"]
    print(result, kernel.statistics["std"], kernel.quantiles[0.5])
    histogram = result.histogram("dense/kernel", bins=64, range=(-3, 3))
    if histogram is not None:
        print(len(histogram.counts), "bins,", histogram.below + histogram.above, "values outside;", histogram.note)
    result.plot("dense/kernel").savefig(folder / "kernel.png")
    result.to_pandas().to_csv(folder / "variables.csv", index=False)

    difference = reporter.diff(before, after)
    for variable in difference.changed():
        if variable.change is not None:
            print(f"{variable.name}: {variable.state}, largest difference {variable.change.largest:.3f}")
    difference.plot().savefig(folder / "updates.png")
    try:
        result["dense/kernal"]
    except reporter.UnknownName as error:
        return str(error)
    return ""


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
