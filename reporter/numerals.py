"""Print numbers so that rounding never misleads: 0 % only for exactly none, 1 and 100 % only for exactly all."""

from __future__ import annotations

import math

from reporter.model.value import Absent, Value

NO_DATA = "—"
NOT_APPLICABLE = "n/a"
MINUS = "−"
NARROW = "\u202f"
"""The space within a number: narrow, and never the end of a line."""


def number(value: Value | None, digits: int = 4) -> str:
    """A number with ``digits`` significant digits; one of five or six digits in whole numbers, not in powers of ten.

    NaN, the lack of data ("—"), and a statistic that does not apply ("n/a") are printed in different ways.

    >>> number(0.0123456), number(-1234567.0), number(0), number(float("nan")), number(None), number(-0.0)
    ('0.01235', '−1.235e+06', '0', 'NaN', '—', '0')
    >>> number(99678.4), number(-12345.6), number(9999.7), number(999999.4), number(999999.6), number(1e6)
    ('99\\u202f678', '−12\\u202f346', '10\\u202f000', '999\\u202f999', '1e+06', '1e+06')
    >>> number(Absent.NOT_APPLICABLE), number(float("-inf")), number(2.5), number(0.99999952)
    ('n/a', '−Inf', '2.5', '>0.9999')
    >>> number(0.99999952, 6), number(1.0000001), number(-0.99999999), number(1.0)
    ('>0.999999', '<1.001', '<−0.9999', '1')
    """
    # Floats are tested first, since a report prints a hundred thousand of them and looking up enum members is slow.
    if isinstance(value, float):
        return _real(value, digits)
    if value is None or value is Absent.NO_DATA:
        return NO_DATA
    if value is Absent.NOT_APPLICABLE:
        return NOT_APPLICABLE
    assert not isinstance(value, Absent)
    return integer(value)


def in_full(value: float, digits: int) -> str:
    """A number with ``digits`` significant digits, and without an exponent where whole digits say it as well: for
    axes and for sentences, where there is room.

    >>> in_full(2749.0, 3), in_full(-70000.4, 2), in_full(0.25, 3), in_full(2.5e9, 3)
    ('2\\u202f750', '−70\\u202f000', '0.25', '2.5e+09')
    """
    if math.isfinite(value) and "e+" in (text := f"{value:.{digits}g}") and abs(value) < 1e7:
        return integer(round(float(text)))
    return number(value, digits)


def _real(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    if math.isfinite(value):
        text = f"{value:.{digits}g}"
        # Rounded as the scripts of pages do it.
        if "e+0" in text and (whole := math.floor(abs(value) + 0.5)) < 1_000_000:
            return integer(whole if value > 0 else -whole)
        if text in ("1", "-1") and abs(value) != 1:
            return _nearly_one(value, digits)
        return text.replace("-", MINUS, 1) if value < 0 else text
    return "NaN" if value != value else "+Inf" if value > 0 else MINUS + "Inf"


def _nearly_one(value: float, digits: int) -> str:
    """A number that would be rounded to 1 or −1, which are printed for exactly these alone."""
    bound = f"0.{'9' * digits}" if abs(value) < 1 else f"1.{'0' * (digits - 2)}1"
    if value > 0:
        return ("<" if value > 1 else ">") + bound
    return (">" if value < -1 else "<") + MINUS + bound


def integer(value: int) -> str:
    """A whole number in groups of three digits, separated by narrow spaces at which no line breaks.

    >>> integer(1234567)
    '1\\u202f234\\u202f567'
    """
    return f"{value:,}".replace(",", NARROW).replace("-", MINUS)


def time_taken(seconds: float) -> str:
    """How long something took: long times in whole seconds, never in powers of ten.

    >>> time_taken(0.05812), time_taken(12.34), time_taken(163.2), time_taken(3600.4)
    ('0.0581 s', '12.3 s', '163 s', '3\\u202f600 s')
    """
    return f"{number(seconds, 3) if seconds < 99.95 else integer(round(seconds))} s"


def before_after(before: int | None, after: int | None) -> str:
    """A count before and after, or a single 0 if both are 0; "—" stands for an unknown count.

    >>> before_after(0, 0), before_after(0, 5), before_after(None, 1200), before_after(3, 3)
    ('0', '0 → 5', '— → 1\\u202f200', '3 → 3')
    """
    if not before and not after and (before, after) != (None, None):
        return "0"
    return " → ".join(NO_DATA if n is None else integer(n) for n in (before, after))


def counted(n: int, one: str, many: str = "") -> str:
    """A count with its noun.

    Args:
        n: the count.
        one: the noun for one thing.
        many: its plural, if that is not formed with an s.

    >>> counted(1, "tensor"), counted(2, "tensor"), counted(0, "series", "series")
    ('1 tensor', '2 tensors', '0 series')
    """
    return f"{integer(n)} {one if n == 1 else many or one + 's'}"


def share(value: Value | None) -> str:
    """A fraction of 1 as a percentage, with 0 % only for exactly none and 100 % only for exactly all.

    >>> share(0.0), share(1.0), share(1e-9), share(0.999999), share(0.1234)
    ('0 %', '100 %', '<0.01 %', '>99.99 %', '12.34 %')
    """
    if value is None or isinstance(value, Absent):
        return number(value)
    if value != value:
        return "NaN"
    percent = 100.0 * value
    if percent in (0.0, 100.0):
        return f"{percent:.0f} %"
    if 0 < percent < 0.01:
        return "<0.01 %"
    if 99.99 < percent < 100:
        return ">99.99 %"
    return f"{percent:.2f} %"


def decibels(value: float | None) -> str:
    """A ratio in dB, rounded down, so that a number below a threshold is also printed as one; ∞ dB is "lossless".

    >>> decibels(29.97), decibels(-0.04), decibels(float("inf")), decibels(None)
    ('29.9 dB', '−0.1 dB', 'lossless', '—')
    """
    if value is None or math.isnan(value):
        return number(value)
    if math.isinf(value):
        return "lossless" if value > 0 else MINUS + "∞ dB"
    return f"{math.floor(10 * value) / 10:.1f} dB".replace("-", MINUS)


def size(nbytes: int) -> str:
    """A number of bytes with three digits and a decimal unit.

    >>> size(999), size(1_234_567)
    ('999 B', '1.23 MB')
    """
    if nbytes < 1000:
        return f"{nbytes} B"
    units = ("kB", "MB", "GB", "TB", "PB")
    power = next((p for p in range(1, len(units)) if nbytes < 999.5 * 1000**p), len(units))
    return f"{nbytes / 1000**power:.3g} {units[power - 1]}"


def statistic(value: Value | None, unit: str) -> str:
    """A statistic in the notation of its unit, see :class:`reporter.derive.statistics.Statistic`."""
    return share(value) if unit == "share" else number(value)
