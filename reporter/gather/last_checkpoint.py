"""What costs another reading: the last checkpoint's readiness for deployment, and every checkpoint's spectra.

Both come from the cache where they are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any, TypeVar

from reporter.cache import Cache, CacheDamaged
from reporter.errors import NotExamined, translated
from reporter.gather.checkpoint_in_series import CheckpointInSeries
from reporter.gather.kept_open import KeptOpen
from reporter.gather.layer_names import under_names
from reporter.gather.recording import InMemory, cache_of
from reporter.gather.stable_read import unchanged
from reporter.measuring.deployment import measure_deployment
from reporter.measuring.spectral import measure_spectra
from reporter.model.checkpoint import CheckpointRef
from reporter.model.comparison import Comparison
from reporter.model.deployment import Cast, Readiness
from reporter.model.measured import Measured
from reporter.model.spectrum import PowerLaw, Spectrum
from reporter.model.tensor import Contents
from reporter.settings.model import Settings

T = TypeVar("T", Readiness, Spectrum)

Measure = Callable[[Contents, Measured], Mapping[str, T]]
"""Reads an open checkpoint that was measured, under its names there."""

VERSION = 2
"""Of what is kept in the cache; raised when its fields change. What measures it has its own version there."""


def with_deployment(comparison: Comparison, settings: Settings, cache: Cache) -> Comparison:
    """The same series with what is wanted of its last checkpoint; trouble with reading it again costs only that."""
    last, ref, numbers = len(comparison.refs) - 1, comparison.refs[-1], comparison.measured[-1]
    readiness: Mapping[str, Readiness] = {}
    spectra: list[Mapping[str, Spectrum]] = []
    try:
        if settings.deployment == "last":
            readiness = _known(ref, numbers, cache, "readiness", _readiness, measure_deployment)
        if settings.spectral:
            measure = partial(measure_spectra, threads=settings.threads)
            spectra = [_known(ref, numbers, cache, "spectra", _spectrum, measure)]
    except CacheDamaged:
        raise
    except Exception as error:
        known = translated(ref.path, error)
        return replace(comparison, deployment_problem=f"{known.state}: {known.reason}")
    if settings.spectral:
        spectra = [*(_earlier_spectra(comparison, place, cache, measure) for place in range(last)), *spectra]
    held = {t.info.name: t.summary.non_finite for t in numbers.tensors if t.info.name in readiness}
    readiness = {name: replace(ready, non_finite=held.get(name, 0)) for name, ready in readiness.items()}
    return replace(comparison, readiness=readiness, spectra=spectra[-1] if spectra else {}, all_spectra=tuple(spectra))


def keep_ahead(checkpoint: CheckpointInSeries, settings: Settings, cache: Cache) -> None:
    """In a copy of this process, measure what :func:`with_deployment` wants of a last checkpoint, so that it is known.

    What goes wrong goes wrong again where it is told.
    """
    ref, own = checkpoint.ref, checkpoint.own
    with suppress(Exception):
        if settings.deployment == "last":
            _known(ref, own, cache, "readiness", _readiness, measure_deployment)
    with suppress(Exception):
        if settings.spectral:
            _known(ref, own, cache, "spectra", _spectrum, partial(measure_spectra, threads=1))


def _earlier_spectra(
    comparison: Comparison, place: int, cache: Cache, measure: Measure[Spectrum]
) -> Mapping[str, Spectrum]:
    """Of a checkpoint before the last; none where it cannot be read again, which leaves a gap in the trend."""
    try:
        return _known(comparison.refs[place], comparison.measured[place], cache, "spectra", _spectrum, measure)
    except CacheDamaged:
        raise
    except Exception as error:
        translated(comparison.refs[place].path, error)
        return {}


def _known(
    ref: CheckpointRef,
    numbers: Measured,
    cache: Cache,
    kind: str,
    decode: Callable[[dict[str, Any]], T],
    measure: Measure[T],
) -> Mapping[str, T]:
    """Of one checkpoint by tensor name, from the cache or measured now and kept there.

    The cache has them by place in the file, as the same tensor may go by another name in another series.
    """
    names = [info.name for info in numbers.infos]
    if ref.recorded:
        cache = cache_of(ref)
    if ref.is_there:
        unchanged(ref)
    record = cache.record(ref, kind, VERSION)
    if record is not None:
        try:
            return {names[int(at)]: decode(fields) for at, fields in record.items()}
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            pass  # written by something else: measured again
    if ref.recorded:
        raise NotExamined(ref.path, "its weights were in memory only, and this was not measured while they were")
    with KeptOpen() as opened:
        found = opened.contents(ref)
        shown = {t.info.name: name for t, name in zip(found.tensors, names, strict=True)}
        result = measure(under_names(found, shown), numbers)
    unchanged(ref)
    _keep(cache, ref, kind, names, result)
    return result


def _keep(cache: Cache, ref: CheckpointRef, kind: str, names: Sequence[str], result: Mapping[str, T]) -> None:
    places = {name: at for at, name in enumerate(names)}
    cache.keep_record(ref, kind, VERSION, {str(places[name]): asdict(one) for name, one in result.items()})


def keep_readiness(state: InMemory) -> None:
    """Measure the readiness for deployment of a recorded state whose weights are still in memory, and keep it."""
    of = state.checkpoint
    found = measure_deployment(state.contents, of.own)
    _keep(cache_of(of.ref), of.ref, "readiness", [info.name for info in of.own.infos], found)


def keep_spectra(state: InMemory, threads: int) -> None:
    """The same of its spectra."""
    of = state.checkpoint
    found = measure_spectra(state.contents, of.own, threads=threads)
    _keep(cache_of(of.ref), of.ref, "spectra", [info.name for info in of.own.infos], found)


def _readiness(fields: dict[str, Any]) -> Readiness:
    return Readiness(**{**fields, "casts": tuple(Cast(**cast) for cast in fields["casts"])})


def _spectrum(fields: dict[str, Any]) -> Spectrum:
    fit = fields["power_law"]
    return Spectrum(**{**fields, "power_law": PowerLaw(**fit) if fit else None})
