"""Train cases and judge them, in two processes at once."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.calibration.case import Case
from bench.calibration.verdicts import Verdict, judge_case

PROCESSES = 2


def cases() -> tuple[Case, ...]:
    """All of them, in the order of the table."""
    from bench.calibration.healthy import (
        adapted,
        from_nothing,
        held_out,
        keras_models,
        keras_saving,
        mixtures,
        numpy_nets,
    )
    from bench.calibration.sick import held_out as sick_held_out
    from bench.calibration.sick import keras_models as sick_keras_models
    from bench.calibration.sick import numpy_nets as sick_numpy_nets
    from bench.calibration.sick import other_nets, rare_rules

    healthy = (keras_models, numpy_nets, held_out, adapted, from_nothing, keras_saving, mixtures)
    sick = (sick_keras_models, sick_numpy_nets, sick_held_out, other_nets, rare_rules)
    return tuple(case for module in (*healthy, *sick) for case in module.CASES)


def judged(names: Sequence[str], root: Path) -> list[Verdict]:
    """The verdicts on some cases, in their order.

    Args:
        names: of the cases.
        root: folder for a folder of checkpoints for each.
    """
    # Started anew instead of forked: TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=_quiet) as pool:
        return list(pool.map(partial(_judged, root=root), names))


def _quiet() -> None:
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    warnings.simplefilter("ignore")
    logging.getLogger("absl").setLevel(logging.ERROR)


def _judged(name: str, root: Path) -> Verdict:
    """Train a case, and judge it."""
    case = next(case for case in cases() if case.name == name)
    verdict = judge_case(case, made(case, root / case.name))
    print(verdict.line(), file=sys.stderr, flush=True)
    return replace(verdict, case=replace(case, make=_made_elsewhere))


def _made_elsewhere(folder: Path) -> None:
    """In place of what trains a case, which may be a function within another, and then cannot leave its process."""
    raise NotImplementedError


def made(case: Case, folder: Path) -> Path:
    """The folder with the checkpoints of a case, which is trained if the folder does not exist."""
    if not folder.exists():
        import keras

        keras.utils.set_random_seed(0)
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        case.make(unfinished)
        unfinished.rename(folder)
    return folder
