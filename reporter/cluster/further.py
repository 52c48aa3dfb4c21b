"""What costs another reading of the weights: a worker does it while it has them, so that nobody reads them here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reporter.measuring.deployment import measure_deployment
from reporter.measuring.spectral import measure_spectra
from reporter.model.measured import Measured
from reporter.model.tensor import Contents
from reporter.settings.model import Settings

Records = Mapping[str, Mapping[int, Any]]
"""By kind of record of the cache: place of a tensor -> what was measured, as :mod:`reporter.gather.last_checkpoint`
keeps it."""


def further(contents: Contents, numbers: Measured, settings: Settings, *, last: bool) -> Records:
    """The readiness for deployment of the last checkpoint of a series, and the spectra of every one, if asked for.

    Args:
        contents: the open checkpoint.
        numbers: what was measured of it, of as many tensors.
        settings: which are wanted.
        last: whether it is the last of its series.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    found: dict[str, Mapping[str, Any]] = {}
    if last and settings.deployment == "last":
        found["readiness"] = measure_deployment(contents, numbers)
    if settings.spectral:
        found["spectra"] = measure_spectra(contents, numbers, settings.threads)
    places = {info.name: place for place, info in enumerate(numbers.infos)}
    return {kind: {places[name]: asdict(one) for name, one in of.items()} for kind, of in found.items()}
