"""A few of each fault in the simulator are told as examples."""

from __future__ import annotations

import pytest

from loadgen.measure.examples import Example, Fault, chosen
from loadgen.measure.tally import Count
from loadgen.plan.pacing import NS_PER_S
from tests.support.simulated_runs import simulated_sender
from tests.support.simulator import MS, Simulation


@pytest.mark.parametrize("process_count", [1, 3])
def test_a_lost_delivery_is_told_with_who_when_and_whether_others_got_it(process_count: int) -> None:
    """Message 3 reached nobody, message 7 all but user 4; who said them is known, and that the server had them."""
    fate = lambda m, r: [] if m == 3 or (m, r) == (7, 4) else [5 * MS]  # noqa: E731
    tally = Simulation(process_count=process_count, fate=fate).run()

    told = chosen(tally.examples.of(Fault.LOST))
    nobody, but_one = told[0], told[-1]
    assert (nobody.sender, nobody.due_ns, nobody.acked) == (simulated_sender(3), 1300 * MS, True)
    assert (nobody.was_seen, nobody.seen_ns) == (False, None)
    assert (but_one.sender, but_one.receiver, but_one.due_ns) == (simulated_sender(7), 4, 1700 * MS)
    assert (but_one.was_seen, but_one.seen_ns) == (True, 1705 * MS)


def test_each_fault_has_examples_and_the_same_however_many_processes() -> None:
    """Lost, twice, late, and read by someone it was not for; what came late says when."""
    fates: dict[int, list[int]] = {1: [], 2: [5 * MS, 6 * MS], 4: [5_500 * MS]}

    def run(process_count: int) -> dict[Fault, list[Example]]:
        tally = Simulation(
            process_count=process_count,
            room_count=2,
            eavesdroppers=frozenset({0}),
            drain_ns=8 * NS_PER_S,
            fate=lambda m, r: fates.get(m, [5 * MS]),
        ).run()
        return {fault: chosen(tally.examples.of(fault)) for fault in Fault}

    told = run(1)
    assert all(told[fault] for fault in (Fault.LOST, Fault.DUPLICATED, Fault.LATE, Fault.UNEXPECTED))
    assert {each.received_ns for each in told[Fault.LATE]} == {1400 * MS + 5_500 * MS}
    assert all(each.receiver == 0 for each in told[Fault.UNEXPECTED])
    assert run(2) == run(5) == told


def test_swapped_messages_are_told_with_the_one_that_came_after() -> None:
    """The first of the two came last."""
    tally = Simulation(user_count=1, fate=lambda m, r: [150 * MS if m == 2 else 5 * MS]).run()

    (example,) = tally.examples.of(Fault.REORDERED)
    assert tally.counts[Count.DELIVERIES_REORDERED] == 1
    assert (example.sent_ns, example.received_ns) == (1200 * MS, 1350 * MS)


def test_what_is_not_measured_is_no_example() -> None:
    """Warm-up is not counted, so nobody looks for it."""
    tally = Simulation(warmup_ns=NS_PER_S, fate=lambda m, r: [] if m < 10 else [5 * MS]).run()

    assert tally.counts[Count.DELIVERIES_LOST] == 0
    assert tally.examples.of(Fault.LOST) == []
