"""Runs of several processes in the simulator, and what is told apart in them."""

from __future__ import annotations

import pytest

from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import OF_A_PHASE, OF_A_SLICE, Count, Metric, Note
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.rooms import Layer
from loadgen.plan.slices import SliceKind, Stretch, kind_of
from tests.support.simulated_runs import COUNTED, NOT_SIMULATED, an_eventful_run, books_close
from tests.support.simulator import MS, Simulation


@pytest.mark.parametrize(
    ("room_count", "more_layers"),
    [(1, ()), (2, ()), (5, ()), (5, (Layer(3),)), (24, (Layer(4), Layer.own()))],
)
def test_one_seed_gives_the_same_counters_however_many_processes(
    room_count: int, more_layers: tuple[Layer, ...]
) -> None:
    """Each keeps the books of its own users and hears of the others' messages late; together they are one."""
    one, *several = (an_eventful_run(process_count, room_count, more_layers) for process_count in (1, 2, 3, 4))

    assert books_close(one)
    # Everything that can happen did; in the one room there is, nobody can be in the wrong one.
    nothing = {name for name in COUNTED if not one.counts[name]}
    assert nothing == NOT_SIMULATED | ({Count.DELIVERIES_UNEXPECTED} if room_count == 1 else set())
    for tally in several:
        assert {name: tally.counts[name] for name in COUNTED} == {name: one.counts[name] for name in COUNTED}
        assert {name: tally.counts[name] for name in Note} == {name: one.counts[name] for name in Note}
        assert [(m, h.count, h.min_ns, h.max_ns) for m, h in tally.metrics.items()] == [
            (m, h.count, h.min_ns, h.max_ns) for m, h in one.metrics.items()
        ]
        assert {second: +counts for second, counts in tally.seconds.items() if +counts} == dict(one.seconds)


TWO_STAGES = (Stretch("stage: 1", 0, 1_500 * MS), Stretch("stage: 2", 1_500 * MS, 4 * NS_PER_S))
AN_INCIDENT = Stretch("incident: 1", 1_100 * MS, 2_700 * MS)
TWO_SIZES = (5, (Layer(1),))


def in_slice(part: SliceTally) -> dict[str, object]:
    """All that can be seen of it, but what is nothing."""
    seen: dict[str, object] = {name: count for name, count in part.counts.items() if count}
    return seen | {name: (h.count, h.min_ns, h.max_ns, h.mean_ns) for name, h in part.metrics.items() if h.count}


@pytest.mark.parametrize("process_count", [1, 2, 3])
def test_the_slices_of_each_kind_add_up_to_the_whole(process_count: int) -> None:
    """Each message is to a room of one size, in one stage, and in the incident or not: none is left out, or twice."""
    tally = an_eventful_run(process_count, *TWO_SIZES, (*TWO_STAGES, AN_INCIDENT))

    for kind in (SliceKind.ROOM, SliceKind.STAGE, SliceKind.INCIDENT):
        parts = [part for name, part in tally.slices.items() if kind_of(name) is kind]
        assert len(parts) == 2
        for part in parts:
            settled = (Count.DELIVERIES_RECEIVED, Count.DELIVERIES_LOST, Count.DELIVERIES_EXCUSED)
            assert part.counts[Count.DELIVERIES_EXPECTED] == sum(part.counts[name] for name in settled) > 0
        for name in OF_A_SLICE:
            if isinstance(name, Count):
                assert sum(part.counts[name] for part in parts) == tally.counts[name], name
            else:
                whole = tally.metrics[Metric(name)]
                assert sum(part.of(name).count for part in parts) == whole.count, name
                assert max(part.of(name).max_ns or 0 for part in parts) == whole.max_ns, name


def test_one_seed_gives_the_same_slices_however_many_processes() -> None:
    """Who is first and last of a message, too, where nobody knows it alone."""
    one, *several = (an_eventful_run(count, *TWO_SIZES, (*TWO_STAGES, AN_INCIDENT)) for count in (1, 2, 3, 4))

    expected = {name: in_slice(part) for name, part in one.slices.items()}
    assert {"room: small", "room: medium", "stage: 2", "incident: none", "phase: login"} == {
        name for name in expected if name not in ("stage: 1", "incident: 1")
    }
    assert all(name in OF_A_SLICE | OF_A_PHASE for part in expected.values() for name in part)
    for tally in several:
        assert {name: in_slice(part) for name, part in tally.slices.items()} == expected


def test_a_slow_room_is_slow_by_itself() -> None:
    """Twelve users, a room of twelve and six of two; every other message is to a pair, and pairs take 40 ms."""
    simulation = Simulation(
        user_count=12,
        room_count=1,
        more_layers=(Layer(6),),
        rate_per_s=40,
        stretches=(),
        fate=lambda message, _: [40 * MS if message % 2 else 5 * MS],
    )
    tally = simulation.run()

    pair, medium = tally.of_slice("room: pair"), tally.of_slice("room: medium")
    for part, members, delay_ns in ((pair, 2, 40 * MS), (medium, 12, 5 * MS)):
        times = part.of(Metric.DELIVERY_TIME)
        assert (times.count, times.min_ns, times.max_ns) == (20 * members, delay_ns, delay_ns)
        assert part.of(Metric.LAST_DELIVERY_TIME).count == part.counts[Count.MESSAGES_SENT] == 20
        assert part.of(Metric.ACK_TIME).count == 20


def test_where_nothing_is_told_apart_there_are_no_slices_but_phases() -> None:
    """A run of one room, without stages and incidents, costs what it did."""
    tally = an_eventful_run(2, 1)

    assert {kind_of(name) for name in tally.slices} == {SliceKind.PHASE}
