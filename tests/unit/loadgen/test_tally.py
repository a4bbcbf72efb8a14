"""Tallies: merged in any order, and handed over without loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import ErrorKind
from loadgen.measure.incident_tally import IncidentTally
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
                tally.of_second(metric, value % 3).record(value)
            case ("hit", int(number), int(value)):
                tally.of_incident(number).hit_count += 1
                tally.of_incident(number).back.record(value)
            case ("missed", int(number), int(missed)):
                tally.of_incident(number).missed_count += missed
                tally.of_incident(number).recovered_count += missed // 2
            case ("closed", int(number), int(code)):
                tally.of_incident(number).closes[code] += 1
                tally.of_incident(number).closed.record(code)
    return tally


def contents(tally: Tally) -> object:
    """All that can be seen of it."""
    return (
        {name: number for name, number in tally.counts.items() if number},
        {metric: (h.count, h.min_ns, h.max_ns, h.mean_ns) for metric, h in tally.metrics.items()},
        {key: (error.count, error.example) for key, error in tally.errors.items()},
        {second: dict(counts) for second, counts in tally.seconds.items() if counts},
        {place: (h.count, h.max_ns) for place, h in tally.metric_seconds.items()},
        {number: of_incident(incident) for number, incident in tally.incidents.items()},
    )


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
