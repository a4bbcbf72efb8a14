"""What goes from machine to machine arrives as it was, and what is not what it should be is refused in one line."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import ErrorKind
from loadgen.measure import marker, plain, plain_tally
from loadgen.measure.examples import Example, Fault
from loadgen.measure.histogram import HIGHEST_NS, Histogram
from loadgen.measure.incident_tally import IncidentTally
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.nodes import MOVE_BYTES
from loadgen.measure.record import MachineReading, Reading
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.spread import Spreads
from loadgen.measure.tally import Count, Metric, Note, PerSecond, Tally

NS_PER_S = 10**9
NEVER_NS = np.iinfo(np.int64).max
PREFIX = marker.prefix_of("1a2b3c")
SMALL = st.integers(0, 99)
INT64 = st.integers(0, 2**63 - 1)

DURATIONS = st.lists(st.one_of(st.integers(0, HIGHEST_NS), st.integers(10**6, 2 * 10**6)), max_size=60)
SECONDS = st.integers(-3, 5)


@st.composite
def incident_tallies(draw: st.DrawFn) -> IncidentTally:
    """What became of anybody."""
    incident = IncidentTally(hit_count=draw(INT64), missed_count=draw(INT64), recovered_count=draw(INT64))
    incident.closes.update(draw(st.dictionaries(st.integers(0, 0xFFFF), st.integers(1, 2**40), max_size=3)))
    for histogram in (incident.back, incident.closed):
        histogram.record_many(np.array(draw(DURATIONS), np.int64))
    return incident


@st.composite
def slice_tallies(draw: st.DrawFn) -> SliceTally:
    """What was counted and timed of any part."""
    part = SliceTally()
    part.counts.update(draw(st.dictionaries(st.sampled_from(Count), INT64, max_size=3)))
    for metric, values in draw(st.dictionaries(st.sampled_from(Metric), DURATIONS, max_size=2)).items():
        part.of(metric).record_many(np.array(values, np.int64))
    return part


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    """A tally of anything that is counted."""
    tally = Tally(draw(st.integers(0, 2**62)))
    tally.counts.update(draw(st.dictionaries(st.sampled_from([*Count, *Note]), INT64, max_size=4)))
    for metric, values in draw(st.dictionaries(st.sampled_from(Metric), DURATIONS, max_size=3)).items():
        tally.metrics[metric].record_many(np.array(values, np.int64))
    for kind, phase, example in draw(st.lists(st.tuples(st.sampled_from(ErrorKind), st.text(max_size=9), st.text()))):
        tally.error(kind, phase, example)
    for second, event in draw(st.lists(st.tuples(SECONDS, st.sampled_from(PerSecond)), max_size=6)):
        tally.happened(event, tally.origin_ns + second * NS_PER_S)
    for second, metric, values in draw(st.lists(st.tuples(SECONDS, st.sampled_from(Metric), DURATIONS), max_size=4)):
        tally.of_second(metric, second).record_many(np.array(values, np.int64))
    tally.incidents.update(draw(st.dictionaries(st.integers(0, 1_000), incident_tallies(), max_size=3)))
    names = st.sampled_from(["room: large", "stage: 12", "incident: none", "phase: measure"])
    tally.slices.update(draw(st.dictionaries(names, slice_tallies(), max_size=3)))
    for code, phase, by_us in draw(st.lists(st.tuples(st.integers(0, 0xFFFF), st.text(max_size=9), st.booleans()))):
        tally.closed(code, phase, by_us=by_us)
    for fault, numbers in draw(
        st.lists(st.tuples(st.sampled_from(Fault), st.tuples(SMALL, SMALL, SMALL, SMALL, SMALL)))
    ):
        tally.examples.keep(fault, Example(*numbers, room=None, received_ns=draw(st.none() | INT64)))
    return tally


def a_tally() -> Tally:
    """One that has something of everything."""
    tally = Tally(7)
    tally.counts[Count.MESSAGES_SENT] = 2
    tally.metrics[Metric.DELIVERY_TIME].record_many(np.arange(5_000, 500_000, 1_000))
    tally.error(ErrorKind.RESET, "join", "connection reset")
    tally.happened(PerSecond.JOINS, 8)
    tally.of_second(Metric.DELIVERY_TIME, 1).record_many(np.array([5_000, 9_000_000]))
    incident = tally.of_incident(2)
    incident.hit_count, incident.missed_count, incident.recovered_count = 3, 2, 1
    incident.back.record_many(np.array([5_000, 9_000_000]))
    incident.closes[1012] = 3
    part = tally.of_slice("room: large")
    part.counts[Count.DELIVERIES_LOST] = 4
    part.of(Metric.DELIVERY_TIME).record_many(np.array([5_000, 9_000_000]))
    tally.closed(1012, "measure", by_us=False)
    tally.examples.keep(Fault.LOST, Example(9, 8, 1, 2, 3, 0, acked=True, was_seen=True, seen_ns=12))
    return tally


def some_spreads() -> Spreads:
    """Of a message that two have got, and of one that nobody has."""
    return Spreads(np.array([(5 << 32, 10, 20, 30, 0), (5 << 32 | 1, 40, NEVER_NS, -1, 3)], np.int64))


def a_marker(sequence: int = 0) -> bytes:
    """That of a message."""
    return marker.write(PREFIX, Stamp(sender=3, sequence=sequence, due_ns=10, sent_ns=15))


def some_news() -> News:
    """Of two messages, one of which is acknowledged."""
    return News(a_marker(0) + a_marker(1), a_marker(0) + b"%016x" % 8, b"m" * MOVE_BYTES)


A_READING = Reading(at_ns=5, cpu_ns=3, rss_bytes=4096, descriptor_count=None)
A_MACHINE_READING = MachineReading(
    at_ns=5, busy_ns=3, interrupt_ns=0, core_count=2, socket_memory_bytes=None, sockets_in_use=9
)

# Made into plain data, and how it is read.
ALL: dict[str, tuple[dict[str, Any], Callable[[object], object]]] = {
    "tally": (plain_tally.tally_to_plain(a_tally()), plain_tally.tally_from_plain),
    "spreads": (plain.spreads_to_plain(some_spreads()), plain.spreads_from_plain),
    "news": (plain.news_to_plain(some_news()), plain.news_from_plain),
    "reading": (plain.reading_to_plain(A_READING), plain.reading_from_plain),
    "machine_reading": (plain.machine_reading_to_plain(A_MACHINE_READING), plain.machine_reading_from_plain),
}


def travelled(data: object) -> Any:
    """What is there on the other machine."""
    return msgpack.unpackb(msgpack.packb(data))


def of_histogram(histogram: Histogram) -> object:
    """All that can be seen of it; None when nothing was recorded."""
    state = histogram.state()
    return None if state is None else (state.counts.tolist(), state.sum_ns, state.min_ns, state.max_ns)


def contents(tally: Tally) -> object:
    """All that can be seen of it, what is empty left out."""
    return (
        dict(tally.counts),
        {metric: of_histogram(histogram) for metric, histogram in tally.metrics.items()},
        {key: (error.count, error.example) for key, error in tally.errors.items()},
        {second: dict(counts) for second, counts in tally.seconds.items()},
        {place: of_histogram(histogram) for place, histogram in tally.metric_seconds.items() if histogram.count},
        {number: of_incident(incident) for number, incident in tally.incidents.items()},
        {name: of_slice(part) for name, part in tally.slices.items()},
        dict(tally.closes),
        {fault: tally.examples.of(fault) for fault in Fault},
    )


def of_slice(part: SliceTally) -> object:
    """All that can be seen of it, what is empty left out."""
    return dict(part.counts), {name: of_histogram(times) for name, times in part.metrics.items() if times.count}


def of_incident(incident: IncidentTally) -> object:
    """All that can be seen of it."""
    return (
        (incident.hit_count, incident.missed_count, incident.recovered_count),
        dict(incident.closes),
        of_histogram(incident.back),
        of_histogram(incident.closed),
    )


@given(tallies())
def test_a_tally_arrives_as_it_was(tally: Tally) -> None:
    """Counters, every bucket of every histogram, errors and seconds; on the way it is plain data."""
    arrived = plain_tally.tally_from_plain(travelled(plain_tally.tally_to_plain(tally)))

    assert arrived.origin_ns == tally.origin_ns
    assert contents(arrived) == contents(tally)


@given(tallies(), tallies())
def test_merging_after_the_journey_is_merging_before_it(a: Tally, b: Tally) -> None:
    """The master knows of its workers what it would know of its own processes."""
    before, after = Tally(0), Tally(0)
    for tally in (a, b):
        before.merge(tally)
        after.merge(plain_tally.tally_from_plain(travelled(plain_tally.tally_to_plain(tally))))

    assert contents(after) == contents(before)


@given(st.lists(st.tuples(INT64, st.integers(0, 10**15), DURATIONS, st.integers(0, 2**20 - 1))))
def test_spreads_arrive_as_they_were(messages: list[tuple[int, int, list[int], int]]) -> None:
    """Those of messages that nobody has got, too."""
    rows = [
        (key, due_ns, *((due_ns + min(values), due_ns + max(values)) if values else (NEVER_NS, -1)), cell)
        for key, due_ns, values, cell in messages
    ]
    spreads = Spreads(np.array(rows, np.int64).reshape(-1, 5))

    arrived = plain.spreads_from_plain(travelled(plain.spreads_to_plain(spreads)))

    assert arrived.rows.dtype == np.int64
    assert arrived.rows.tolist() == spreads.rows.tolist()


@given(st.lists(st.tuples(st.integers(0, 50), INT64)), st.integers(0, 3))
def test_news_arrive_as_they_were(messages: list[tuple[int, int]], move_count: int) -> None:
    """Markers, the numbers of acknowledged messages in their rooms, and who has come to which node."""
    sent = [a_marker(sequence) for sequence, _ in messages]
    acked = [text + b"%016x" % number for text, (_, number) in zip(sent, messages, strict=True)]
    news = News(b"".join(sent), b"".join(acked), bytes(range(MOVE_BYTES)) * move_count)

    assert plain.news_from_plain(travelled(plain.news_to_plain(news))) == news


@given(INT64, INT64, st.none() | INT64)
def test_readings_arrive_as_they_were(cpu_ns: int, rss_bytes: int, known: int | None) -> None:
    """What could not be read stays None."""
    reading = Reading(5, cpu_ns, rss_bytes, known)
    machine_reading = MachineReading(5, cpu_ns, 3, 2, known, known)

    assert plain.reading_from_plain(travelled(plain.reading_to_plain(reading))) == reading
    arrived = plain.machine_reading_from_plain(travelled(plain.machine_reading_to_plain(machine_reading)))
    assert arrived == machine_reading


def test_a_report_may_take_back_a_connection_that_an_earlier_one_has_planned() -> None:
    """Whoever gives up was not planned after all; no other counter goes down."""
    tally = Tally(0)
    tally.counts[Count.CONNECTIONS_PLANNED] = -1

    assert plain_tally.tally_from_plain(plain_tally.tally_to_plain(tally)).counts == tally.counts


def test_words_of_a_server_that_no_utf8_can_hold_do_not_stop_a_report() -> None:
    """An example is for people: what cannot be sent is replaced."""
    tally = Tally(0)
    tally.error(ErrorKind.BAD_RESPONSE, "login", "half a pair: \ud83d")

    arrived = plain_tally.tally_from_plain(travelled(plain_tally.tally_to_plain(tally)))

    assert arrived.errors[ErrorKind.BAD_RESPONSE, "login"].example == "half a pair: ?"


def test_a_tally_without_values_takes_few_bytes() -> None:
    """One is sent each second, whatever happens."""
    assert len(msgpack.packb(plain_tally.tally_to_plain(Tally(0)))) < 100


# --- what is refused ------------------------------------------------------------------------------------------


def changed(name: str, *path: str | int, to: object) -> object:
    """The plain form of ``name`` with something else at a place."""
    data = copy.deepcopy(ALL[name][0])
    place: Any = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return data


BUCKETS = ("metrics", "delivery_time")
INCIDENT = ("incidents", 0)


@pytest.mark.parametrize(
    ("name", "path", "to", "complaint"),
    [
        ("tally", ("counts", "messages_sent"), -1, "tally.counts.messages_sent: expected a whole number"),
        ("tally", ("counts", "messages_sent"), True, "tally.counts.messages_sent: .* got True"),
        ("tally", ("counts", "messages_sent"), 2**63, "tally.counts.messages_sent"),
        ("tally", ("counts", "messages_eaten"), 1, "tally.counts: no such counter: 'messages_eaten'"),
        ("tally", ("counts", 5), 1, "tally.counts: expected a name, got 5"),
        ("tally", ("counts",), [], "tally.counts: expected a dictionary"),
        ("tally", ("extra",), 1, "tally: expected origin_ns, counts"),
        ("tally", ("examples", 0, 8), 1, "tally.examples: expected true, false or nothing, got 1"),
        ("tally", ("metrics", "mood"), [], "tally.metrics: no such Metric: 'mood'"),
        ("tally", (*BUCKETS, 0), 6_000, "tally.metrics.delivery_time: expected [0-9]+ buckets"),
        ("tally", (*BUCKETS, 0), -1, "tally.metrics.delivery_time: expected a whole number"),
        ("tally", (*BUCKETS, 1), 4_000, "tally.metrics.delivery_time: expected 0 <= min <= max"),
        ("tally", (*BUCKETS, 1), HIGHEST_NS + 1, "tally.metrics.delivery_time: expected 0 <= min <= max"),
        ("tally", (*BUCKETS, 2), bytes(16), "tally.metrics.delivery_time: 495 values .* do not add up to 0"),
        ("tally", (*BUCKETS, 2), b"", "tally.metrics.delivery_time: .* a sum of 0 bytes"),
        ("tally", (*BUCKETS, 3), 3, "tally.metrics.delivery_time: .* counts of 3"),
        ("tally", (*BUCKETS, 3), 1.0, "tally.metrics.delivery_time: expected a whole number"),
        ("tally", (*BUCKETS, 4), [4, b"\1\1\1\1"], "tally.metrics.delivery_time: expected [0-9]+ buckets .* got 4"),
        ("tally", (*BUCKETS, 4), [2**40, b""], "tally.metrics.delivery_time: expected a whole number from 0 to"),
        ("tally", (*BUCKETS, 4), [9, b"no zlib"], "tally.metrics.delivery_time: .* decompress"),
        ("tally", (*BUCKETS, 4), [9, zlib.compress(bytes(10**6))], "tally.metrics.delivery_time: expected 9 bytes"),
        ("tally", (*BUCKETS, 4), [9, zlib.compress(bytes(8))], "tally.metrics.delivery_time: expected 9 bytes"),
        ("tally", ("errors", 0, 0), "boredom", "tally.errors: no such ErrorKind: 'boredom'"),
        ("tally", ("errors", 0, 3), "x" * 301, "tally.errors: expected a text of at most 300"),
        ("tally", ("errors",), [[]] * 1_001, "tally.errors: expected a list of at most 1000 rows"),
        ("tally", ("seconds", 0, 0), 10**8, "tally.seconds: expected a whole number from"),
        ("tally", ("seconds", 0, 1), {"jokes": 1}, "tally.seconds: no such PerSecond: 'jokes'"),
        (
            "tally",
            ("metric_seconds", "delivery_time", 0),
            [1],
            "tally.metric_seconds.delivery_time: expected a list of 2",
        ),
        ("tally", ("incidents",), {}, "tally.incidents: expected a list of at most 1000 rows"),
        ("tally", ("incidents", 0), [2, 3], "tally.incidents: expected a list of 7"),
        ("tally", (*INCIDENT, 0), -1, "tally.incidents: expected a whole number from 0 to 1000"),
        ("tally", (*INCIDENT, 0), 1_001, "tally.incidents: expected a whole number from 0 to 1000"),
        ("tally", (*INCIDENT, 1), -1, "tally.incidents: expected a whole number"),
        ("tally", (*INCIDENT, 2), None, "tally.incidents: expected a whole number"),
        ("tally", (*INCIDENT, 3), 0.5, "tally.incidents: expected a whole number"),
        ("tally", (*INCIDENT, 4), {1012: 3}, "tally.incidents: expected a list of at most 1000 rows"),
        ("tally", (*INCIDENT, 4, 0), [70_000, 3], "tally.incidents: expected a whole number from 0 to 65535"),
        ("tally", (*INCIDENT, 4, 0), [1012, 0], "tally.incidents: expected a whole number from 1"),
        ("tally", (*INCIDENT, 5), [], "tally.incidents: expected a list of 5"),
        ("tally", (*INCIDENT, 5, 0), 6_000, "tally.incidents: expected [0-9]+ buckets"),
        ("tally", (*INCIDENT, 6), 0, "tally.incidents: expected a list of 5"),
        ("tally", ("slices", 0, 0), "room: <b>", "tally.slices: expected the name of a slice"),
        ("tally", ("slices", 0, 0), 7, "tally.slices: expected a text"),
        ("tally", ("slices", 0, 1), {"messages_eaten": 1}, "tally.slices.room: large: no such counter"),
        ("tally", ("slices", 0, 2), {"mood": []}, "tally.slices.room: large: no such Metric"),
        ("spreads", ("rows",), [31, bytes(31)], "spreads.rows: expected rows of 40 bytes, got 31"),
        ("news", ("sent",), [75, bytes(75)], "news.sent: expected sound markers"),
        ("news", ("sent",), [60, a_marker()[:60]], "news.sent: expected sound markers"),
        ("news", ("acked",), [len(a_marker()), a_marker()], "news.acked: expected sound markers"),
        ("reading", ("cpu_ns",), None, "reading.cpu_ns: expected a whole number"),
        ("reading", ("descriptor_count",), -1, "reading.descriptor_count: expected a whole number"),
        ("machine_reading", ("core_count",), 0, "machine_reading.core_count: expected a whole number from 1"),
    ],
)
def test_what_is_not_what_it_should_be_is_refused(
    name: str, path: tuple[str | int, ...], to: object, complaint: str
) -> None:
    """The complaint says where it is, and what."""
    with pytest.raises(ValueError, match=complaint):
        ALL[name][1](changed(name, *path, to=to))


@pytest.mark.parametrize(
    "row",
    [
        (-1, 10, 20, 30, 0),
        (1, -10, 20, 30, 0),
        (1, 10, 30, 20, 0),
        (1, 10, NEVER_NS, 20, 0),
        (1, 10, 20, -1, 0),
        (1, 10, 20, 2**62 + 1, 0),
        (1, 10, 20, 11 + HIGHEST_NS, 0),
        (1, 10, 20, 30, -1),
        (1, 10, 20, 30, 2**20),
    ],
)
def test_a_spread_that_no_message_has_is_refused(row: tuple[int, ...]) -> None:
    """It would be recorded as a duration, and durations have limits."""
    with pytest.raises(ValueError, match=r"spreads\.rows: .* got \["):
        plain.spreads_from_plain(plain.spreads_to_plain(Spreads(np.array([row], np.int64))))


def test_a_marker_whose_check_digits_are_wrong_is_no_news() -> None:
    """Processes of one run write sound markers."""
    text = a_marker()
    damaged = text[:-1] + (b"0" if text[-1:] != b"0" else b"1")

    with pytest.raises(ValueError, match=r"news\.sent"):
        plain.news_from_plain(plain.news_to_plain(News(damaged, b"")))
    with pytest.raises(ValueError, match=r"news\.moves"):
        plain.news_from_plain(plain.news_to_plain(News(b"", b"", b"half a move")))


@pytest.mark.parametrize("counts", [[0, 1], [1, 0], [-1, 3], [2**41, 1]])
def test_counts_that_no_histogram_has_are_refused(counts: list[int]) -> None:
    """The smallest and the largest value are in the first and the last bucket."""
    data = [10, 11, (21).to_bytes(16, "little"), 8, [16, np.array(counts, "<i8").tobytes()]]

    with pytest.raises(ValueError, match="bucket"):
        plain_tally.tally_from_plain(changed("tally", "metrics", "loop_lag", to=data))


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=20)
    | st.sampled_from([*Metric, *ErrorKind, "counts", "rows"])
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


def places(data: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to everything that is in it."""
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in steps:
        yield (*path, step)
        yield from places(value, (*path, step))


@given(st.sampled_from(sorted(ALL)), ANYTHING)
def test_whatever_else_comes_in_is_refused(name: str, data: object) -> None:
    """Nothing that is made up is taken, and nothing but a ValueError of one line is raised."""
    with pytest.raises(ValueError, match=name) as refusal:
        ALL[name][1](data)

    assert "\n" not in str(refusal.value)


@given(st.data())
def test_a_report_with_one_thing_changed_is_sound_or_refused(data: st.DataObject) -> None:
    """What is taken can be merged, and told on."""
    name = data.draw(st.sampled_from(sorted(ALL)))
    path = data.draw(st.sampled_from(list(places(ALL[name][0]))))
    report = changed(name, *path, to=data.draw(ANYTHING))

    with suppress(ValueError):
        taken = ALL[name][1](report)
        if isinstance(taken, Tally):
            total = Tally(0)
            total.merge(taken)
            assert contents(plain_tally.tally_from_plain(plain_tally.tally_to_plain(total))) == contents(total)


@given(st.sampled_from(sorted(ALL)), st.integers(0), st.integers(1, 255))
def test_a_report_with_one_byte_changed_is_sound_or_refused(name: str, at: int, change: int) -> None:
    """By msgpack or by us, and always with a ValueError."""
    content = bytearray(msgpack.packb(ALL[name][0]))
    content[at % len(content)] ^= change

    with suppress(ValueError):
        ALL[name][1](msgpack.unpackb(bytes(content)))
