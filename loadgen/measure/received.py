"""Times and counts of first arrivals, many messages at once: what was received, when, and whether late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loadgen.measure.accounts import Accounts
from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.slicer import CellBooks
from loadgen.measure.tally import Count, Metric, Note, PerSecond, Tally

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# It takes 0.45 ms to put so many messages into the tally, 0.15 ms of it for any number.
MUCH_MESSAGES = 200
MUCH_DELIVERIES = 5_000


class _Deliveries(NamedTuple):
    """int64[n] and bool[n]: those of one message after those of the other. Times are monotonic ns."""

    sizes: Int64s
    """int64[messages]: how many each message has."""
    times_ns: Int64s
    due_ns: Int64s
    delivery_ns: Int64s
    """From when it was due."""
    service_ns: Int64s
    """From when it was sent."""
    measured: Bools
    on_one_clock: Bools
    """Whether sender and receiver go by one clock."""
    sound: Bools
    """Whether, besides, it came after it was sent."""


class Received:
    """What has arrived and is not in the tally yet: noted bite by bite, and put there many bites at a time.

    To put a bite there takes 0.15 ms, however little is in it.
    """

    def __init__(self, accounts: Accounts, deadline_ns: int) -> None:
        self._accounts = accounts
        self._deadline_ns = deadline_ns
        self._noted: list[_Noted] = []
        self._message_count = self._delivery_count = 0

    def note(self, arrivals: Mapping[Entry, Arrivals]) -> None:
        """Take down what has arrived since these messages were last settled; they learn their first and last."""
        sizes = np.array([len(new.receivers) for new in arrivals.values()])
        times_ns = np.concatenate([new.times_ns for new in arrivals.values()])
        _note_first_and_last(arrivals, sizes, times_ns)
        self._noted.append(_Noted(arrivals, sizes, times_ns))
        self._message_count += len(arrivals)
        self._delivery_count += len(times_ns)

    @property
    def is_much(self) -> bool:
        """Whether more of it would make nothing cheaper; what is put into the tally at once is not read meanwhile."""
        return self._message_count >= MUCH_MESSAGES or self._delivery_count >= MUCH_DELIVERIES

    def account(self) -> None:
        """Count and time it in the tally."""
        if self._noted:
            _record(self._noted, self._accounts, self._deadline_ns)
            self._noted.clear()
            self._message_count = self._delivery_count = 0


class _Noted(NamedTuple):
    """What has arrived of some messages: int64[messages] and int64[n]."""

    arrivals: Mapping[Entry, Arrivals]
    sizes: Int64s
    times_ns: Int64s


def _record(noted: Sequence[_Noted], accounts: Accounts, deadline_ns: int) -> None:
    entries = [entry for each in noted for entry in each.arrivals]
    deliveries = _deliveries_of(entries, noted)
    tally = accounts.tally
    measured, sound, service_ns = deliveries.measured, deliveries.sound, deliveries.service_ns
    timed = measured & sound
    late = measured & (service_ns > deadline_ns)

    backwards_count = int(np.count_nonzero(deliveries.on_one_clock & ~sound))
    if backwards_count:
        # One clock cannot do this. It is counted, doubted, and kept out of the times.
        tally.counts[Note.NEGATIVE_TIMES] += backwards_count
    tally.counts[Count.DELIVERIES_RECEIVED] += int(np.count_nonzero(measured))
    tally.counts[Note.DELIVERIES_UNTIMED] += int(np.count_nonzero(measured & ~deliveries.on_one_clock))
    if late_count := int(np.count_nonzero(late)):
        tally.counts[Count.DELIVERIES_LATE] += late_count
        for each in noted:
            accounts.witness.late(each.arrivals, deadline_ns)
    tally.metrics[Metric.DELIVERY_TIME].record_many(deliveries.delivery_ns[timed])
    tally.metrics[Metric.DELIVERY_SERVICE_TIME].record_many(service_ns[timed])

    for books, cells in _cells_of(entries, noted, deliveries, accounts):
        books.count_each(cells, Count.DELIVERIES_RECEIVED, measured)
        if late_count:
            books.count_each(cells, Count.DELIVERIES_LATE, late)
        books.time_each(cells[timed], Metric.DELIVERY_TIME, deliveries.delivery_ns[timed])
        books.time_each(cells[timed], Metric.DELIVERY_SERVICE_TIME, service_ns[timed])
    _record_seconds(deliveries, tally)


def _deliveries_of(entries: Sequence[Entry], noted: Sequence[_Noted]) -> _Deliveries:
    sizes = np.concatenate([each.sizes for each in noted])
    times_ns = np.concatenate([each.times_ns for each in noted])
    stamps = [entry.stamp for entry in entries]
    due_ns = np.repeat([stamp.due_ns for stamp in stamps], sizes)
    service_ns = times_ns - np.repeat([stamp.sent_ns for stamp in stamps], sizes)
    on_one_clock = np.repeat([entry.timed for entry in entries], sizes).astype(np.bool_)
    return _Deliveries(
        sizes=sizes,
        times_ns=times_ns,
        due_ns=due_ns,
        delivery_ns=times_ns - due_ns,
        service_ns=service_ns,
        measured=np.repeat([entry.measured for entry in entries], sizes).astype(np.bool_),
        on_one_clock=on_one_clock,
        sound=on_one_clock & (service_ns >= 0),
    )


def _cells_of(
    entries: Sequence[Entry], noted: Sequence[_Noted], deliveries: _Deliveries, accounts: Accounts
) -> list[tuple[CellBooks, Int64s]]:
    """The books of slices, each with the cells in which the deliveries lie there."""
    books: list[tuple[CellBooks, Int64s]] = []
    if accounts.slicer is not None:
        books.append((accounts.slicer, np.repeat([entry.cell for entry in entries], deliveries.sizes)))
    crossings = accounts.crossings
    if crossings is not None and crossings.are_told:
        senders = [entry.sender for entry in entries]
        receivers = np.concatenate([new.receivers for each in noted for new in each.arrivals.values()])
        sent_ns = deliveries.times_ns - deliveries.service_ns
        crossed = crossings.cells(senders, deliveries.sizes, receivers, sent_ns)
        # There it is expected when it is known what became of it.
        crossings.count_each(crossed, Count.DELIVERIES_EXPECTED, deliveries.measured)
        books.append((crossings, crossed))
    return books


def _record_seconds(deliveries: _Deliveries, tally: Tally) -> None:
    for second, at in tally.by_second(deliveries.times_ns):
        tally.seconds[second][PerSecond.DELIVERIES_RECEIVED] += int(np.count_nonzero(at))
    for second, at in tally.by_second(deliveries.due_ns):
        sound_ns = deliveries.delivery_ns[at & deliveries.sound]
        tally.of_second(Metric.DELIVERY_TIME, second).record_many(sound_ns)


def _note_first_and_last(arrivals: Mapping[Entry, Arrivals], sizes: Int64s, times_ns: Int64s) -> None:
    """When each message came to the first and to the last of those who have it by now."""
    some = [entry for entry, size in zip(arrivals, sizes, strict=True) if size]
    if not some:
        return
    starts = np.concatenate(([0], np.cumsum(sizes[sizes > 0])[:-1]))
    firsts, lasts = np.minimum.reduceat(times_ns, starts), np.maximum.reduceat(times_ns, starts)
    for entry, first_ns, last_ns in zip(some, firsts.tolist(), lasts.tolist(), strict=True):
        entry.first_ns = first_ns if entry.first_ns is None else min(entry.first_ns, first_ns)
        entry.last_ns = last_ns if entry.last_ns is None else max(entry.last_ns, last_ns)
