"""What charts and pictures show, as numbers: points, ticks, places for labels. No drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from loadgen.measure.histogram import MIN_SAMPLES_BEYOND, Histogram
from reports import hdr

Floats = npt.NDArray[np.float64]
Line = tuple[Floats, Floats]
"""(x, y), both float64[n]; y is NaN where there is no data."""

Fold = Literal["max", "mean"]
"""What becomes of neighbours that share a point: of times the longest (a mean of percentiles means nothing), of rates
the mean."""

# More points than this on one line of a picture cannot be told apart on a screen, and swell the page.
MAX_POINTS = 600
_CURVE_POINTS = 240
# With less, not even the median has enough beyond it.
FEWEST_SAMPLES = 2 * MIN_SAMPLES_BEYOND
_CLOCK_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
MEDIAN_NINES = -math.log10(0.5)


@dataclass(frozen=True, slots=True)
class Span:
    """A phase on the time axis, in seconds since the start of the run."""

    name: str
    start_s: float
    end_s: float


def line(document: dict[str, Any], name: str, fold: Fold = "mean", *, most_points: int = MAX_POINTS) -> Line:
    """One series as (t_s, values), each float64[n], NaN where there is no data; empty when it is missing.

    A point stands in the middle of its interval. Above ``most_points``, neighbours are folded into one.
    """
    return line_of(document, (document.get("series") or {}).get(name) or [], fold, most_points=most_points)


def line_of(
    document: dict[str, Any], values: Sequence[float | None], fold: Fold = "mean", *, most_points: int = MAX_POINTS
) -> Line:
    """The same of values that are not in the document's series, one for each of its seconds."""
    known = np.array([math.nan if v is None else v for v in values], dtype=np.float64)
    return _folded_line(document, known, fold, most_points)


def closed_line(document: dict[str, Any], *, most_points: int = MAX_POINTS) -> Line:
    """How many sockets were closed in each second, like :func:`line`; the document says it only indirectly."""
    series = document.get("series") or {}
    if not series.get("connections") or not series.get("connects"):
        return np.empty(0), np.empty(0)
    open_count, opened = (np.array(series[name], dtype=np.float64) for name in ("connections", "connects"))
    return _folded_line(document, opened - np.diff(open_count, prepend=0.0), "max", most_points)


def folded_count(document: dict[str, Any], most_points: int = MAX_POINTS) -> int:
    """How many neighbours of a series :func:`line` folds into one point."""
    return max(1, math.ceil(len((document.get("series") or {}).get("t_s") or []) / most_points))


def has_data(*lines: Line) -> bool:
    """Whether any of the lines has a single point to show."""
    return any(bool(np.isfinite(values).any()) for _, values in lines)


def spans(document: dict[str, Any]) -> list[Span]:
    """The phases; one that still goes on lasts to the newest point."""
    series = document.get("series") or {}
    newest_s = max([*(series.get("t_s") or []), 0.0]) + float(series.get("interval_s", 1.0))
    found = [
        Span(phase["name"], phase["start_s"], newest_s if phase.get("end_s") is None else phase["end_s"])
        for phase in document.get("phases") or []
    ]
    return [span for span in found if span.end_s > span.start_s]


def quantile_curve(text: str | None) -> Line:
    """A histogram (HdrHistogram text) as (nines, ms), each float64[n], rising, from the median on.

    ``nines`` is -log10(1 - quantile): 1 is 90 %, 2 is 99 %. It ends where fewer than 10 samples lie beyond.
    """
    (curve,) = quantile_curves([text])
    return curve


def quantile_curves(texts: Sequence[str | None], at: Sequence[float] = ()) -> list[Line]:
    """Several histograms like :func:`quantile_curve`, at the same nines, and at those of ``at`` as well.

    Where one histogram ends before another, its curve is NaN; one with too few samples is empty.
    """
    histograms = [hdr.decode(text) if text else None for text in texts]
    ends = [
        math.log10(each.count / MIN_SAMPLES_BEYOND) if each and each.count >= FEWEST_SAMPLES else 0.0
        for each in histograms
    ]
    nines = np.linspace(MEDIAN_NINES, max([*ends, MEDIAN_NINES]), _CURVE_POINTS)
    nines = np.union1d(nines, [n for n in at if MEDIAN_NINES < n <= nines[-1]]) if at else nines
    return [
        (nines, _at_ranks(histogram, nines)) if histogram and end else (np.empty(0), np.empty(0))
        for histogram, end in zip(histograms, ends, strict=True)
    ]


def wants_log(low: float, high: float) -> bool:
    """Whether a range is too wide for a linear axis to show its lower part."""
    return low > 0 and high / low > 12


def log_bounds(low: float, high: float) -> tuple[float, float]:
    """The 1-2-5 steps at or below ``low`` and at or above ``high``."""
    steps = _steps(low, high)
    return max(s for s in steps if s <= low * 1.0001), min(s for s in steps if s >= high * 0.9999)


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """1-2-5 steps within the bounds; powers of ten alone when those are more than ``most``."""
    ticks = [step for step in _steps(low, high) if low * 0.9999 <= step <= high * 1.0001]
    return ticks if len(ticks) <= most else [tick for tick in ticks if f"{tick:e}"[0] == "1"]


def clock_step(length_s: float, most: int) -> float:
    """The smallest step a clock is read in that gives at most ``most`` ticks over ``length_s``."""
    fits = (step for step in _CLOCK_STEPS_S if length_s / step <= most)
    return next(fits, math.ceil(length_s / max(most, 1) / 3600) * 3600.0)


def at_nines(curve: Line, nines: float) -> float | None:
    """The value of a quantile curve; None beyond its end."""
    x, y = curve
    return float(np.interp(nines, x, y)) if len(x) and nines <= x[-1] else None


def highest(*lines: Line) -> float:
    """The largest value of all lines; 0 when there is none."""
    return max((float(np.nanmax(y)) for _, y in lines if np.isfinite(y).any()), default=0.0)


def lowest(*lines: Line) -> float:
    """The smallest value of all lines; 0 when there is none."""
    return min((float(np.nanmin(y)) for _, y in lines if np.isfinite(y).any()), default=0.0)


def spread(positions: list[float], gap: float) -> list[float]:
    """The positions, moved no further than it takes to lie at least ``gap`` apart in the same order."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    placed = [positions[i] for i in order]
    for _ in range(20 * len(placed)):
        tight = [i for i, (low, high) in enumerate(pairwise(placed)) if high - low < gap - 1e-6]
        if not tight:
            break
        for i in tight:
            push = max(0.0, gap - (placed[i + 1] - placed[i])) / 2
            placed[i] -= push
            placed[i + 1] += push
    result = [0.0] * len(placed)
    for place, i in zip(placed, order, strict=True):
        result[i] = place
    return result


def folded(values: Floats, step: int, fold: Fold) -> Floats:
    """Each ``step`` neighbours as one value, the last of them of what is left."""
    if step == 1:
        return values
    return np.array([_folded(values[i : i + step], fold) for i in range(0, len(values), step)], dtype=np.float64)


def _folded_line(document: dict[str, Any], values: Floats, fold: Fold, most_points: int) -> Line:
    series = document.get("series") or {}
    interval_s = float(series.get("interval_s", 1.0))
    t_s = np.array(series.get("t_s") or [], dtype=np.float64)[: len(values)] + interval_s / 2
    step = folded_count(document, most_points)
    return t_s[::step] + (step - 1) * interval_s / 2, folded(values, step, fold)


def _folded(values: Floats, fold: Fold) -> float:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return math.nan
    return float(finite.max() if fold == "max" else finite.mean())


def _at_ranks(histogram: Histogram, nines: Floats) -> Floats:
    """The values (ms) of those quantiles; NaN where fewer than 10 samples lie beyond."""
    upper_ns, counts = histogram.buckets()
    # Rounded down a hair, so that the last rank leaves its 10 samples beyond.
    ranks = np.ceil((1 - 10**-nines) * histogram.count - 1e-6)
    known = ranks <= histogram.count - MIN_SAMPLES_BEYOND
    places = np.searchsorted(np.cumsum(counts), np.where(known, ranks, 1))
    return np.where(known, upper_ns[places] / 1e6, math.nan)


def _steps(low: float, high: float) -> list[float]:
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    return [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]
