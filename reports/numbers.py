"""Numbers as people read them: three significant digits, thousands separated, missing is "no data"."""

from __future__ import annotations

import math
import re

NO_DATA = "no data"

_SIGNIFICANT_DIGITS = 3
_DURATION_UNITS = ((1e-3, "us"), (1.0, "ms"), (1e3, "s"))  # in ms, rising
_BYTE_UNITS = ((1e3, "kB"), (1e6, "MB"), (1e9, "GB"))


def duration(value_ms: float | None) -> str:
    """Milliseconds in the unit that suits them: ``812 us``, ``8.10 ms``, ``1.25 s``."""
    return _scaled(value_ms, _DURATION_UNITS) if value_ms != 0 else "0 ms"


def round_duration(value_ms: float) -> str:
    """A duration somebody chose, with no more digits than it needs: ``2.5 ms``."""
    if value_ms == 0:
        return "0"
    factor, unit = next(((f, u) for f, u in reversed(_DURATION_UNITS) if value_ms >= f), _DURATION_UNITS[0])
    return f"{value_ms / factor:.4g} {unit}"


def size(value_bytes: float | None) -> str:
    """Bytes in kB, MB or GB (powers of ten): ``182 MB``."""
    return _scaled(value_bytes, _BYTE_UNITS) if value_bytes != 0 else "0 kB"


def per_hour(value: float, *, is_memory: bool) -> str:
    """What a resource grows by, in bytes or pieces: ``3.60 MB/h``, ``-12.0/h``."""
    sign = "-" if value < 0 else ""
    return f"{sign}{size(abs(value)) if is_memory else significant(abs(value))}/h"


def count(value: float | None) -> str:
    """A whole number with its thousands separated: ``400,000``."""
    return NO_DATA if value is None else f"{value:,.0f}"


def rate(value_per_s: float | None) -> str:
    """Events a second without the unit: ``19,960``, ``39.8``."""
    if value_per_s is None:
        return NO_DATA
    return f"{value_per_s:,.0f}" if abs(value_per_s) >= 100 or value_per_s == 0 else significant(value_per_s)


def percent(ratio: float | None) -> str:
    """A ratio as per cent: ``83 %``; what is nearly nothing or nearly all keeps its digits: ``99.67 %``."""
    if ratio is None:
        return NO_DATA
    if ratio == 0 or abs(ratio) >= 1:
        return f"{ratio * 100:,.0f} %"
    distance = min(abs(ratio), 1 - abs(ratio))
    decimals = 0 if distance >= 0.1 else 1 - math.floor(math.log10(distance * 100))
    return f"{ratio * 100:.{decimals}f} %"


def seconds(value_s: float | None) -> str:
    """A length of time on the scale of a run: ``20.0 s``, ``3 min 20 s``."""
    if value_s is None:
        return NO_DATA
    if value_s < 120:
        return f"{value_s:.1f} s"
    minutes, rest_s = divmod(round(value_s), 60)
    return f"{minutes:,} min {rest_s} s"


def significant(value: float) -> str:
    """Three significant digits, never in scientific notation: ``8.10``, ``12,300``."""
    if value == 0:
        return "0"
    decimals = _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, decimals):,.{max(0, decimals)}f}"


def instant(rfc_3339: str) -> str:
    """A moment for people: ``2026-01-01 12:00:00.000 UTC``."""
    return re.sub(r"Z$|[+]00:00$", " UTC", printable(rfc_3339).replace("T", " "))


def printable(text: object) -> str:
    """Text from outside on one line, with nothing in it that could steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def _scaled(value: float | None, units: tuple[tuple[float, str], ...]) -> str:
    if value is None:
        return NO_DATA
    # Rounded before the unit is chosen: 999.9 ms is 1.00 s, not 1,000 ms.
    rounded = float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
    factor, unit = next(((f, u) for f, u in reversed(units) if abs(rounded) >= f), units[0])
    return f"{significant(rounded / factor)} {unit}"
