"""Counts of durations in buckets so fine that every quantile is within 0.1 %.

The buckets are those of HdrHistogram with three significant digits and a unit of one nanosecond (G. Tene,
hdrhistogram.org): exact below 2,048 ns, and above that 1,024 buckets for each power of two. A coarse histogram has
64 of them, for pictures. Only the buckets
between the smallest and the largest value are kept, so a histogram costs what it spans. Values are put into their
buckets many at a time: 0.02 us a value, where a call for each value costs 1.2 us.
"""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

SIGNIFICANT_DIGITS = 3
HIGHEST_NS = 24 * 3600 * 10**9
"""A day: longer than any run lets a delivery take."""

FINE = 11
"""Bits of a value that are told apart: 2**11 is the smallest power of two >= 2 * 10**3, so three digits are."""
COARSE = 7
"""For pictures: within 1.6 %, in a sixteenth of the memory."""

# 10 samples must lie beyond a quantile before we print it.
MIN_SAMPLES_BEYOND = 10

# More in one bucket than any run brings about; the sum over all buckets stays within an int64.
_MOST_IN_A_BUCKET = 2**40

# Values waiting for their bucket: enough to make the sorting cheap, 64 KB at most.
_PENDING_COUNT = 8192

_NOTHING: Int64s = np.empty(0, np.int64)


def bucket_of(values_ns: Int64s, bits: int) -> Int64s:
    """The bucket of each value when ``bits`` bits of it are told apart; values in [0, HIGHEST_NS]."""
    # frexp's exponent is the bit length, exactly, for anything below 2**53.
    length = np.frexp(values_ns.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(length - bits, 0)
    return (shift << (bits - 1)) + (values_ns >> shift)


def bucket_upper_ns(buckets: Int64s, bits: int) -> Int64s:
    """The largest value that falls into each bucket."""
    shift = np.maximum((buckets >> (bits - 1)) - 1, 0)
    upper_ns: Int64s = ((buckets - (shift << (bits - 1)) + 1) << shift) - 1
    return upper_ns


class State(NamedTuple):
    """All that a histogram holds, once something was recorded."""

    counts: Int64s
    """Of each bucket from that of ``min_ns`` to that of ``max_ns``; not to be written to."""
    sum_ns: int
    min_ns: int
    max_ns: int


class Packed(NamedTuple):
    """The buckets that hold something."""

    offsets: npt.NDArray[np.unsignedinteger]
    """From the first one."""
    counts: npt.NDArray[np.integer]
    bucket_count: int
    """Of all, empty ones included."""


class Histogram:
    """Durations in integer nanoseconds. Merging is associative and commutative."""

    __slots__ = (
        "_bits",
        "_counts",
        "_first",
        "_max_ns",
        "_min_ns",
        "_packed",
        "_pending",
        "_sum_ns",
    )

    def __init__(self, bits: int = FINE) -> None:
        self._bits = bits
        self._first = 0  # the bucket that _counts[0] counts
        self._counts = _NOTHING
        self._packed: Packed | None = None  # what stands for _counts, then
        self._sum_ns = 0
        self._min_ns: int | None = None
        self._max_ns: int | None = None
        self._pending = array("q")  # waiting for their buckets

    @classmethod
    def restored(cls, state: State, bits: int = FINE) -> Self:
        """The histogram of ``bits`` bits that had this state; ValueError where none can have it."""
        counts, sum_ns, min_ns, max_ns = state
        if not 0 <= min_ns <= max_ns <= HIGHEST_NS:
            raise ValueError(f"expected 0 <= min <= max <= {HIGHEST_NS} ns, got {min_ns} and {max_ns}")
        first, last = bucket_of(np.array([min_ns, max_ns]), bits).tolist()
        if len(counts) != last - first + 1:
            raise ValueError(f"expected {last - first + 1} buckets from min to max, got {len(counts)}")
        if int(counts.min()) < 0 or int(counts.max()) > _MOST_IN_A_BUCKET:
            raise ValueError(f"a bucket holds 0 to {_MOST_IN_A_BUCKET}, got {counts.min()} to {counts.max()}")
        if not counts[0] or not counts[-1]:
            raise ValueError("nothing in the bucket of min or of max")
        others = int(counts.sum()) - 1
        if not others * min_ns + max_ns <= sum_ns <= others * max_ns + min_ns:
            raise ValueError(f"{others + 1} values of {min_ns} to {max_ns} ns do not add up to {sum_ns}")
        histogram = cls(bits)
        histogram._widen(sum_ns, min_ns, max_ns)
        histogram._add(first, counts)
        return histogram

    def state(self) -> State | None:
        """What :meth:`restored` makes its like of; None when nothing was recorded."""
        self._sort_in()
        if self._min_ns is None or self._max_ns is None:
            return None
        return State(self._dense(), self._sum_ns, self._min_ns, self._max_ns)

    def pack(self) -> None:
        """Take as little memory as can be until something is added; nothing else changes."""
        self._sort_in()
        offsets = np.flatnonzero(self._counts)
        # There are 39,000 buckets at most: an offset takes 16 bits.
        if len(offsets) and int(self._counts.max()) < 2**32:
            counts = self._counts[offsets].astype(np.uint32)
            self._packed = Packed(offsets.astype(np.uint16), counts, len(self._counts))
            self._counts = _NOTHING

    def record(self, value_ns: int) -> None:
        """Record one value; ValueError outside [0, HIGHEST_NS]."""
        if not 0 <= value_ns <= HIGHEST_NS:
            raise _out_of_range(value_ns)
        self._pending.append(value_ns)
        if len(self._pending) >= _PENDING_COUNT:
            self._sort_in()

    def record_many(self, values_ns: Int64s) -> None:
        """Record int64[n] values; ValueError if one lies outside [0, HIGHEST_NS]."""
        if not len(values_ns):
            return
        _check_range(values_ns)
        self._pending.frombytes(values_ns.tobytes())
        if len(self._pending) >= _PENDING_COUNT:
            self._sort_in()

    def record_counts(self, values_ns: Int64s, counts: Int64s) -> None:
        """Record int64[n] values, each ``counts`` (int64[n], all > 0) times; ValueError as above."""
        if not len(values_ns):
            return
        _check_range(values_ns)
        self._widen(int((values_ns * counts).sum()), int(values_ns.min()), int(values_ns.max()))
        buckets = bucket_of(values_ns, self._bits)
        first = int(buckets.min())
        added = np.zeros(int(buckets.max()) - first + 1, np.int64)
        np.add.at(added, buckets - first, counts)
        self._add(first, added)

    def merge(self, other: Histogram) -> None:
        """Add everything ``other``, a histogram of as many bits, has recorded."""
        if other._bits != self._bits:
            raise ValueError(f"cannot merge a histogram of {other._bits} bits into one of {self._bits}")
        state = other.state()
        if state is not None:
            self._widen(state.sum_ns, state.min_ns, state.max_ns)
            self._add(other._first, state.counts)

    def quantile_ns(self, q: float, *, beyond: int = MIN_SAMPLES_BEYOND) -> int | None:
        """A value that at least the share ``q`` of all recorded values do not exceed.

        ``q`` is in (0, 1). At most 0.1 % (coarse: 1.6 %) above the exact quantile, never below it. None when fewer
        than ``beyond`` samples lie beyond it: 10 for what is printed; a doubt about ourselves is raised on less.
        """
        if not 0 < q < 1:
            raise ValueError(f"a quantile lies in (0, 1), got {q}")
        count = self.count
        # Rounded first: in floating point 0.07 * 100 is a little more than 7.
        rank = max(1, math.ceil(round(q * count, 6)))
        if count - rank < beyond or not count:
            return None
        return self.value_at_ns(rank)

    def value_at_ns(self, rank: int) -> int | None:
        """The value in place ``rank`` (from 1) of all recorded, rising, as closely as a quantile; None beyond the last.

        For what is no sample of more: of all users, when half of them were back.
        """
        upper_ns, counts = self.buckets()
        if self._max_ns is None or not 1 <= rank <= int(counts.sum()):
            return None
        return min(int(upper_ns[np.searchsorted(np.cumsum(counts), rank)]), self._max_ns)

    @property
    def count(self) -> int:
        """How many values were recorded."""
        held = self._counts if self._packed is None else self._packed.counts
        return len(self._pending) + int(held.sum())

    @property
    def min_ns(self) -> int | None:
        """The smallest value, exact; None when nothing was recorded."""
        self._sort_in()
        return self._min_ns

    @property
    def max_ns(self) -> int | None:
        """The largest value, exact; None when nothing was recorded."""
        self._sort_in()
        return self._max_ns

    @property
    def mean_ns(self) -> float | None:
        """The exact mean; None when nothing was recorded."""
        count = self.count
        self._sort_in()
        return self._sum_ns / count if count else None

    def buckets(self) -> tuple[Int64s, Int64s]:
        """The filled buckets, rising: (largest value of each in ns, count of each)."""
        self._sort_in()
        if self._packed is not None:
            filled, counts = self._packed.offsets.astype(np.int64), self._packed.counts.astype(np.int64)
        else:
            filled = np.flatnonzero(self._counts)
            counts = self._counts[filled]
        return bucket_upper_ns(filled + self._first, self._bits), counts

    def _dense(self) -> Int64s:
        if self._packed is None:
            return self._counts
        counts = np.zeros(self._packed.bucket_count, np.int64)
        counts[self._packed.offsets] = self._packed.counts
        return counts

    def _sort_in(self) -> None:
        if not self._pending:
            return
        values = np.array(self._pending, np.int64)
        self._pending = array("q")
        self._widen(int(values.sum()), int(values.min()), int(values.max()))
        buckets = bucket_of(values, self._bits)
        first = int(buckets.min())
        self._add(first, np.bincount(buckets - first))

    def _add(self, first: int, counts: Int64s) -> None:
        """Add ``counts`` of the buckets from ``first`` on."""
        if self._packed is not None:
            self._counts, self._packed = self._dense(), None
        if not len(self._counts):
            self._first, self._counts = first, counts.copy()
            return
        low = min(first, self._first)
        high = max(first + len(counts), self._first + len(self._counts))
        if high - low != len(self._counts):
            wider = np.zeros(high - low, np.int64)
            wider[self._first - low : self._first - low + len(self._counts)] = self._counts
            self._first, self._counts = low, wider
        self._counts[first - low : first - low + len(counts)] += counts

    def _widen(self, sum_ns: int, low_ns: int, high_ns: int) -> None:
        self._sum_ns += sum_ns
        self._min_ns = low_ns if self._min_ns is None else min(self._min_ns, low_ns)
        self._max_ns = high_ns if self._max_ns is None else max(self._max_ns, high_ns)


def _check_range(values_ns: Int64s) -> None:
    low, high = int(values_ns.min()), int(values_ns.max())
    if low < 0 or high > HIGHEST_NS:
        raise _out_of_range(low if low < 0 else high)


def _out_of_range(value_ns: int) -> ValueError:
    return ValueError(f"a duration must lie in [0, {HIGHEST_NS}] ns, got {value_ns}")
