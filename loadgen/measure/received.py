"""Times and counts of first arrivals, many messages at once: what was received, when, and whether late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loadgen.measure.accounts import Accounts
from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.slicer import CellBooks
from loadgen.measure.tally import Count, Metric, Note, PerSecond, Tally

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


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


def record_received(arrivals: Mapping[Entry, Arrivals], accounts: Accounts, deadline_ns: int) -> None:
    """Note in the accounts, and in the messages, what has arrived since they were last settled."""
    deliveries = _deliveries_of(arrivals)
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
        accounts.witness.late(arrivals, deadline_ns)
    tally.metrics[Metric.DELIVERY_TIME].record_many(deliveries.delivery_ns[timed])
    tally.metrics[Metric.DELIVERY_SERVICE_TIME].record_many(service_ns[timed])

    for books, cells in _cells_of(arrivals, deliveries, accounts):
        books.count_each(cells, Count.DELIVERIES_RECEIVED, measured)
        if late_count:
            books.count_each(cells, Count.DELIVERIES_LATE, late)
        books.time_each(cells[timed], Metric.DELIVERY_TIME, deliveries.delivery_ns[timed])
        books.time_each(cells[timed], Metric.DELIVERY_SERVICE_TIME, service_ns[timed])
    _record_seconds(deliveries, tally)
    _note_first_and_last(arrivals, deliveries)


def _deliveries_of(arrivals: Mapping[Entry, Arrivals]) -> _Deliveries:
    sizes = np.array([len(new.receivers) for new in arrivals.values()])
    times_ns = np.concatenate([new.times_ns for new in arrivals.values()])
    due_ns = np.repeat([entry.stamp.due_ns for entry in arrivals], sizes)
    service_ns = times_ns - np.repeat([entry.stamp.sent_ns for entry in arrivals], sizes)
    on_one_clock = np.repeat([entry.timed for entry in arrivals], sizes).astype(np.bool_)
    return _Deliveries(
        sizes=sizes,
        times_ns=times_ns,
        due_ns=due_ns,
        delivery_ns=times_ns - due_ns,
        service_ns=service_ns,
        measured=np.repeat([entry.measured for entry in arrivals], sizes).astype(np.bool_),
        on_one_clock=on_one_clock,
        sound=on_one_clock & (service_ns >= 0),
    )


def _cells_of(
    arrivals: Mapping[Entry, Arrivals], deliveries: _Deliveries, accounts: Accounts
) -> list[tuple[CellBooks, Int64s]]:
    """The books of slices, each with the cells in which the deliveries lie there."""
    books: list[tuple[CellBooks, Int64s]] = []
    if accounts.slicer is not None:
        books.append((accounts.slicer, np.repeat([entry.cell for entry in arrivals], deliveries.sizes)))
    crossings = accounts.crossings
    if crossings is not None and crossings.are_told:
        senders = [entry.sender for entry in arrivals]
        receivers = np.concatenate([new.receivers for new in arrivals.values()])
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


def _note_first_and_last(arrivals: Mapping[Entry, Arrivals], deliveries: _Deliveries) -> None:
    """When each message came to the first and to the last of those who have it by now."""
    sizes, times_ns = deliveries.sizes, deliveries.times_ns
    some = [entry for entry, size in zip(arrivals, sizes, strict=True) if size]
    if not some:
        return
    starts = np.concatenate(([0], np.cumsum(sizes[sizes > 0])[:-1]))
    firsts, lasts = np.minimum.reduceat(times_ns, starts), np.maximum.reduceat(times_ns, starts)
    for entry, first_ns, last_ns in zip(some, firsts.tolist(), lasts.tolist(), strict=True):
        entry.first_ns = first_ns if entry.first_ns is None else min(entry.first_ns, first_ns)
        entry.last_ns = last_ns if entry.last_ns is None else max(entry.last_ns, last_ns)
