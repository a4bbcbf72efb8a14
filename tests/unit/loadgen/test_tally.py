"""Tallies: merged in any order, and handed over without loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import ErrorKind
from loadgen.measure.incident_tally import IncidentTally
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import Count, Metric, PerSecond, Tally

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.sampled_from(Count), st.integers(0, 5)),
        st.tuples(st.just("metric"), st.sampled_from(Metric), st.integers(0, 10**9)),
        st.tuples(st.just("error"), st.sampled_from(ErrorKind), st.sampled_from(["a", "b"])),
        st.tuples(st.just("second"), st.sampled_from(PerSecond), st.integers(0, 5 * 10**9)),
        st.tuples(st.just("of_second"), st.sampled_from(Metric), st.integers(0, 10**9)),
        st.tuples(st.just("hit"), st.integers(0, 2), st.integers(0, 10**9)),
        st.tuples(st.just("missed"), st.integers(0, 2), st.integers(0, 5)),
        st.tuples(st.just("closed"), st.integers(0, 2), st.sampled_from([1006, 1012, 4401])),
        st.tuples(st.just("room: large"), st.sampled_from(Count), st.integers(0, 5)),
        st.tuples(st.just("stage: 2"), st.sampled_from(Metric), st.integers(0, 10**9)),
    ),
    max_size=30,
)


def fill(tally: Tally, events: list[tuple[str, object, object]]) -> Tally:
    """Count what happened."""
    for event in events:
        match event:
            case ("count", Count() as name, int(number)):
                tally.counts[name] += number
            case ("metric", Metric() as metric, int(value)):
                tally.metrics[metric].record(value)
            case ("error", ErrorKind() as kind, str(example)):
                tally.error(kind, "login", example)
            case ("second", PerSecond() as happened, int(at_ns)):
                tally.happened(happened, at_ns)
            case ("of_second", Metric() as metric, int(value)):
                # Old ones among them, which are packed when newer ones come.
                tally.of_second(metric, (0, 1, 150, 9_000)[value % 4]).record(value)
            case ("hit", int(number), int(value)):
                tally.of_incident(number).hit_count += 1
                tally.of_incident(number).back.record(value)
            case ("missed", int(number), int(missed)):
                tally.of_incident(number).missed_count += missed
                tally.of_incident(number).recovered_count += missed // 2
            case ("closed", int(number), int(code)):
                tally.of_incident(number).closes[code] += 1
                tally.of_incident(number).closed.record(code)
            case ("room: large", Count() as name, int(number)):
                tally.of_slice("room: large").counts[name] += number
            case ("stage: 2", Metric() as metric, int(value)):
                tally.of_slice("stage: 2").of(metric).record(value)
    return tally


def contents(tally: Tally) -> object:
    """All that can be seen of it."""
    return (
        {name: number for name, number in tally.counts.items() if number},
        {metric: (h.count, h.min_ns, h.max_ns, h.mean_ns) for metric, h in tally.metrics.items()},
        {key: (error.count, error.example) for key, error in tally.errors.items()},
        {second: dict(counts) for second, counts in tally.seconds.items() if counts},
        {place: (h.count, h.max_ns, h.quantile_ns(0.5, beyond=0)) for place, h in tally.metric_seconds.items()},
        {number: of_incident(incident) for number, incident in tally.incidents.items()},
        {name: of_slice(part) for name, part in tally.slices.items()},
    )


def of_slice(part: SliceTally) -> object:
    """All that can be seen of it."""
    times = {metric: (h.count, h.min_ns, h.max_ns, h.mean_ns) for metric, h in part.metrics.items()}
    return {name: number for name, number in part.counts.items() if number}, times


def of_incident(incident: IncidentTally) -> object:
    """All that can be seen of it."""
    counts = incident.hit_count, incident.missed_count, incident.recovered_count, dict(incident.closes)
    return (*counts, *((h.count, h.min_ns, h.max_ns, h.mean_ns) for h in (incident.back, incident.closed)))


def merged(*tallies: Tally) -> Tally:
    """All of them in one."""
    total = Tally(0)
    for tally in tallies:
        total.merge(tally)
    return total


@given(EVENTS, EVENTS, EVENTS)
def test_merging_is_associative_and_commutative(a: object, b: object, c: object) -> None:
    """Processes may report in any order and grouping."""
    x, y, z = (fill(Tally(0), events) for events in (a, b, c))  # type: ignore[arg-type]

    assert contents(merged(merged(x, y), z)) == contents(merged(z, merged(y, x)))


@given(EVENTS, EVENTS)
def test_handing_over_in_parts_loses_nothing(a: list[object], b: list[object]) -> None:
    """A worker that reports each second says the same as one that reports at the end."""
    worker = Tally(0)
    first = fill(worker, a).take()  # type: ignore[arg-type]
    second = fill(worker, b).take()  # type: ignore[arg-type]

    assert contents(worker) == contents(Tally(0))
    whole = fill(fill(Tally(0), a), b)  # type: ignore[arg-type]
    counts = contents(merged(first, second))
    assert counts[:2] == contents(whole)[:2]  # type: ignore[index]
    assert counts[3:] == contents(whole)[3:]  # type: ignore[index]


def test_seconds_count_from_the_start_of_the_run() -> None:
    """An instant belongs to the second it lies in."""
    tally = Tally(origin_ns=10 * 10**9)

    assert [tally.second_of(10 * 10**9 + ns) for ns in (0, 999_999_999, 10**9)] == [0, 0, 1]


def test_a_window_that_begins_anew_forgets_the_messages_of_slices_and_keeps_who_came() -> None:
    """As it does with those of the whole run."""
    tally = Tally(0)
    tally.of_slice("room: large").counts[Count.DELIVERIES_LOST] = 3
    tally.of_slice("room: large").of(Metric.DELIVERY_TIME).record(5)
    tally.of_slice("phase: connect").counts[Count.CONNECTIONS_OPENED] = 2
    tally.of_slice("phase: connect").of(Metric.CONNECT_TIME).record(7)

    tally.measure_anew()

    assert of_slice(tally.of_slice("room: large")) == ({}, {})
    assert of_slice(tally.of_slice("phase: connect")) == (
        {Count.CONNECTIONS_OPENED: 2},
        {Metric.CONNECT_TIME: (1, 7, 7, 7.0)},
    )
