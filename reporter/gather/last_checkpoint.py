"""The last checkpoint of a series is what one would deploy: its readiness and spectra, from the cache where known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from reporter.cache import Cache, CacheDamaged
from reporter.errors import translated
from reporter.gather.kept_open import KeptOpen
from reporter.gather.layer_names import under_names
from reporter.gather.stable_read import unchanged
from reporter.measuring.deployment import measure_deployment
from reporter.measuring.spectral import measure_spectra
from reporter.model.checkpoint import CheckpointRef
from reporter.model.comparison import Comparison
from reporter.model.deployment import Cast, Readiness
from reporter.model.spectrum import PowerLaw, Spectrum
from reporter.model.tensor import Contents
from reporter.settings.model import Settings

T = TypeVar("T", Readiness, Spectrum)

VERSION = 1
"""Of what is kept in the cache; raised when its fields change. What measures it has its own version there."""


def with_deployment(comparison: Comparison, settings: Settings, cache: Cache) -> Comparison:
    """The same series with what is wanted of its last checkpoint; trouble with reading it again costs only that."""
    ref, numbers = comparison.refs[-1], comparison.measured[-1]
    names = [t.info.name for t in numbers.tensors]

    def contents(opened: KeptOpen) -> Contents:
        found = opened.contents(ref)
        return under_names(found, {t.info.name: n for t, n in zip(found.tensors, names, strict=True)})

    readiness: Mapping[str, Readiness] = {}
    spectra: Mapping[str, Spectrum] = {}
    try:
        with KeptOpen() as opened:
            if settings.deployment == "last":

                def measure() -> Mapping[str, Readiness]:
                    return measure_deployment(contents(opened), numbers)

                readiness = _known(cache, ref, "readiness", names, _readiness, measure)
            if settings.spectral:
                spectra = _known(
                    cache, ref, "spectra", names, _spectrum, lambda: measure_spectra(contents(opened), numbers)
                )
    except CacheDamaged:
        raise
    except Exception as error:
        known = translated(ref.path, error)
        return replace(comparison, deployment_problem=f"{known.state}: {known.reason}")
    held = {t.info.name: t.summary.non_finite for t in numbers.tensors if t.info.name in readiness}
    readiness = {name: replace(ready, non_finite=held.get(name, 0)) for name, ready in readiness.items()}
    return replace(comparison, readiness=readiness, spectra=spectra)


def _known(
    cache: Cache,
    ref: CheckpointRef,
    kind: str,
    names: Sequence[str],
    decode: Callable[[dict[str, Any]], T],
    measure: Callable[[], Mapping[str, T]],
) -> Mapping[str, T]:
    """By tensor name, from the cache or measured now and kept there.

    The cache has them by place in the file, as the same tensor may go by another name in another series.
    """
    unchanged(ref)
    record = cache.record(ref, kind, VERSION)
    if record is not None:
        try:
            return {names[int(place)]: decode(fields) for place, fields in record.items()}
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            pass  # written by something else: measured again
    result = measure()
    unchanged(ref)
    places = {name: place for place, name in enumerate(names)}
    cache.keep_record(ref, kind, VERSION, {str(places[name]): asdict(one) for name, one in result.items()})
    return result


def _readiness(fields: dict[str, Any]) -> Readiness:
    return Readiness(**{**fields, "casts": tuple(Cast(**cast) for cast in fields["casts"])})


def _spectrum(fields: dict[str, Any]) -> Spectrum:
    fit = fields["power_law"]
    return Spectrum(**{**fields, "power_law": PowerLaw(**fit) if fit else None})
