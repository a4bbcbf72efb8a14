"""Deliveries within a node of the server and from one node to another, in runs whose every number is known."""

from __future__ import annotations

import pytest

from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import OF_A_NODE, Count, Metric, Tally
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.slices import OTHER_NODE, SAME_NODE
from tests.support.simulator import MS, Simulation

PROCESSES = pytest.mark.parametrize("process_count", [1, 2, 3])
TWO = ("http://one", "http://two")
ONE_ADDRESS = ("http://one",)


def are_near(sent: list[tuple[int, int]], message: int, receiver: int) -> bool:
    """Users with even numbers are at one node, and odd ones at the other."""
    return (sent[message][0] + receiver) % 2 == 0


def seen(tally: Tally, name: str) -> dict[str, int]:
    """What came of a slice: counts that are not 0, and how many times there are, from which to which."""
    part = tally.slices.get(name, SliceTally())
    times = part.of(Metric.DELIVERY_TIME)
    counts = {str(count): number for count, number in part.counts.items() if number}
    return counts | {"times": times.count, "min_ms": (times.min_ns or 0) // MS, "max_ms": (times.max_ns or 0) // MS}


def sends_of(simulation: Simulation) -> list[tuple[int, int]]:
    """Sender and time of each message, filled in while the run goes on."""
    found: list[tuple[int, int]] = []
    relay = simulation._relay

    def noting(user: int, room: str, message_id: str, text: str) -> None:
        found.append((user, simulation.now_ns))
        relay(user, room, message_id, text)

    simulation._relay = noting  # type: ignore[method-assign]
    return found


@PROCESSES
def test_two_addresses_are_two_nodes(process_count: int) -> None:
    """Four users take them in turn; of 20 messages to all, half of the deliveries stay within a node."""
    simulation = Simulation(user_count=4, rate_per_s=20, process_count=process_count, addresses=TWO)
    sent = sends_of(simulation)
    simulation.fate = lambda message, receiver: [(3 if are_near(sent, message, receiver) else 8) * MS]

    tally = simulation.run()

    expected = {"deliveries_expected": 40, "deliveries_received": 40, "times": 40}
    assert seen(tally, SAME_NODE) == expected | {"min_ms": 3, "max_ms": 3}
    assert seen(tally, OTHER_NODE) == expected | {"min_ms": 8, "max_ms": 8}
    for name in (SAME_NODE, OTHER_NODE):
        assert {*tally.slices[name].counts, *tally.slices[name].metrics} <= OF_A_NODE


@PROCESSES
def test_a_node_is_known_by_the_name_it_gives(process_count: int) -> None:
    """Behind one address, three of four users at one node: 4 senders reach 3 + 3 + 3 + 1 of themselves by it."""
    simulation = Simulation(
        user_count=4,
        rate_per_s=40,
        process_count=process_count,
        addresses=ONE_ADDRESS,
        name_of_node=lambda user, _: "b" if user == 3 else "a",
    )
    sent = sends_of(simulation)

    tally = simulation.run()

    by_others = sum(sender != 3 for sender, _ in sent)
    same = 3 * by_others + (40 - by_others)
    assert seen(tally, SAME_NODE)["deliveries_received"] == same
    assert seen(tally, OTHER_NODE)["deliveries_received"] == 160 - same
    assert 0 < by_others < 40


@PROCESSES
@pytest.mark.parametrize("names", [True, False])
def test_one_node_is_no_split(process_count: int, names: bool) -> None:
    """No data, and not a row with everything beside one with nothing."""
    tally = Simulation(
        process_count=process_count, addresses=ONE_ADDRESS, name_of_node=(lambda *_: "a") if names else None
    ).run()

    assert tally.counts[Count.DELIVERIES_RECEIVED] == 100
    assert not {SAME_NODE, OTHER_NODE} & tally.slices.keys()


@PROCESSES
def test_who_comes_back_to_another_node_is_there_from_then_on(process_count: int) -> None:
    """User 1 goes from node b to node a, where all others are: from then on nothing goes from node to node."""
    back_ns = 2 * NS_PER_S + 100 * MS
    simulation = Simulation(
        user_count=3,
        rate_per_s=10,
        seconds=4,
        process_count=process_count,
        addresses=ONE_ADDRESS,
        name_of_node=lambda user, before: "b" if user == 1 and not before else "a",
    )
    simulation.take_out(1, 2 * NS_PER_S + 5 * MS, back_ns)
    sent = sends_of(simulation)
    # What came to it before it went is settled after it is back, too.
    simulation.fate = lambda *_: [90 * MS]

    tally = simulation.run()

    # What it said, or was to get, before it was cut: two of three receivers were elsewhere, or it alone was.
    crossing = sum(2 if user == 1 else 1 for user, at_ns in sent if at_ns < 2 * NS_PER_S + 5 * MS)
    same, other = (tally.slices[name].counts for name in (SAME_NODE, OTHER_NODE))
    assert other[Count.DELIVERIES_EXPECTED] == crossing
    for name in (Count.DELIVERIES_EXPECTED, Count.DELIVERIES_RECEIVED, Count.DELIVERIES_EXCUSED):
        assert same[name] + other[name] == tally.counts[name]


@PROCESSES
def test_what_becomes_of_deliveries_is_told_of_each(process_count: int) -> None:
    """Lost from node to node alone, twice within a node alone: the books of both close."""
    simulation = Simulation(user_count=4, rate_per_s=20, process_count=process_count, addresses=TWO)
    sent = sends_of(simulation)
    simulation.fate = lambda message, receiver: [5 * MS] * (2 if are_near(sent, message, receiver) else 0)

    tally = simulation.run()

    assert seen(tally, SAME_NODE) == {
        "deliveries_expected": 40,
        "deliveries_received": 40,
        "deliveries_duplicated": 40,
        "times": 40,
        "min_ms": 5,
        "max_ms": 5,
    }
    lost = {"deliveries_expected": 40, "deliveries_lost": 40, "times": 0, "min_ms": 0, "max_ms": 0}
    assert seen(tally, OTHER_NODE) == lost


def test_processes_find_the_same_as_one() -> None:
    """Users come and go between two nodes; one seed, any number of processes."""

    def run(process_count: int) -> dict[str, dict[str, int]]:
        simulation = Simulation(
            user_count=9,
            rate_per_s=100,
            seconds=3,
            # What a user missed as it went is settled before it goes again.
            deadline_ns=500 * MS,
            process_count=process_count,
            addresses=ONE_ADDRESS,
            name_of_node=lambda user, before: "ab"[(user + before) % 2],
        )
        for user in range(0, 9, 2):
            for at_ms in (1200.5, 2400.5):  # half a millisecond away from all that is sent
                out_ns, back_ns = round((at_ms + 97 * user) * MS), round((at_ms + 100 + 103 * user) * MS)
                simulation.take_out(user, out_ns, back_ns)
        tally = simulation.run()
        parts = (tally.slices[name].counts for name in (SAME_NODE, OTHER_NODE))
        assert sum(part[Count.DELIVERIES_EXPECTED] for part in parts) == tally.counts[Count.DELIVERIES_EXPECTED]
        return {name: seen(tally, name) for name in (SAME_NODE, OTHER_NODE)}

    one = run(1)
    assert one[SAME_NODE]["deliveries_received"] != one[OTHER_NODE]["deliveries_received"]
    assert run(2) == one
    assert run(3) == one


def test_news_of_a_move_is_waited_for() -> None:
    """Who writes as soon as it is back at another node is counted as there by other processes, which hear of it later.

    They settle their books every 100 ms and hear the news every 50: here it is back shortly after it has told the
    last, and everything that it says until the next is settled before.
    """
    simulation = Simulation(
        user_count=2,
        rate_per_s=400,
        seconds=1,
        process_count=2,
        addresses=ONE_ADDRESS,
        name_of_node=lambda user, before: "b" if user == 1 and not before else "a",
    )
    back_ns = NS_PER_S + 255 * MS
    simulation.take_out(1, NS_PER_S + 200 * MS, back_ns)
    simulation.fate = lambda *_: [MS]
    sent = sends_of(simulation)

    tally = simulation.run()

    assert any(user == 1 and back_ns < at_ns < NS_PER_S + 290 * MS for user, at_ns in sent)
    after = sum(at_ns > NS_PER_S + 200 * MS for _, at_ns in sent)
    # Nothing crosses from then on; before, each message did once.
    assert seen(tally, OTHER_NODE)["deliveries_received"] == len(sent) - after
