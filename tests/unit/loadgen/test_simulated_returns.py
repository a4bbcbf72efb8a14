"""Users who come and go in the simulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loadgen.engine.user import UserState
from loadgen.measure.tally import Count, Metric, Note
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.senders import ActiveUsers, Senders
from tests.support.simulated_runs import COUNTED, books_close, simulated_sender
from tests.support.simulator import MS, Simulation, in_time


def test_what_is_under_way_to_a_user_who_is_cut_is_excused() -> None:
    """It could not get it; those sent while it is away are not for it."""
    simulation = Simulation(fate=in_time(50 * MS))
    simulation.take_out(4, 1_020 * MS, back_ns=1_450 * MS)  # away for the messages of 1,100 to 1,400 ms
    tally = simulation.run()

    sent = 10 - sum(simulated_sender(n) == 4 for n in (1, 2, 3, 4))
    assert tally.counts[Count.MESSAGES_SENT] == sent
    assert tally.counts[Count.DELIVERIES_EXCUSED] == 1
    assert tally.counts[Count.DELIVERIES_EXPECTED] == 9 * sent + 6  # of those of 1,000 and from 1,500 ms on
    assert tally.counts[Count.DELIVERIES_LOST] == tally.counts[Count.DELIVERIES_UNEXPECTED] == 0
    assert tally.counts[Count.CONNECTIONS_DROPPED] == 0
    assert books_close(tally)


def test_a_user_who_comes_back_is_counted_and_timed() -> None:
    """From the cut to being in the room again; the connection was planned, and no drop."""
    simulation = Simulation(connect_delay_ns=4 * MS, join_delay_ns=6 * MS)
    simulation.take_out(4, 1_020 * MS, back_ns=1_200 * MS)
    tally = simulation.run()

    reconnect = tally.metrics[Metric.RECONNECT_TIME]
    assert tally.counts[Count.RECONNECTS] == reconnect.count == 1
    assert reconnect.min_ns == reconnect.max_ns == 190 * MS
    assert tally.counts[Count.CONNECTIONS_PLANNED] == 1  # the others are counted by the swarm
    assert tally.counts[Count.CONNECTIONS_OPENED] == 11
    assert simulation.users[4].state is UserState.READY


def test_messages_of_users_who_are_away_by_plan_are_unsent_and_excused_from_the_schedule() -> None:
    """They were due; that they were not sent is what the plan wanted."""
    simulation = Simulation(user_count=1)
    simulation.take_out(0, 1_250 * MS, back_ns=1_550 * MS)  # away for the messages of 1,300 to 1,500 ms
    tally = simulation.run()

    assert tally.counts[Count.MESSAGES_DUE] == 10
    assert tally.counts[Count.MESSAGES_UNSENT] == tally.counts[Note.UNSENT_AWAY] == 3
    assert tally.counts[Note.UNSENT_BY_US] == 0
    assert books_close(tally)


def test_what_history_brings_back_is_recovered_and_no_duplicate() -> None:
    """What was excused comes after all; what was said meanwhile was not waited for."""
    simulation = Simulation(fate=in_time(50 * MS), history=True)
    simulation.take_out(4, 1_020 * MS, back_ns=1_450 * MS)
    tally = simulation.run()

    assert tally.counts[Count.DELIVERIES_EXCUSED] == tally.counts[Count.DELIVERIES_RECOVERED] == 1
    assert tally.counts[Count.DELIVERIES_DUPLICATED] == tally.counts[Count.DELIVERIES_UNEXPECTED] == 0
    assert books_close(tally)


def test_a_message_to_a_user_whose_join_is_under_way_is_neither_lost_nor_unexpected() -> None:
    """It may get it, and nobody waits for it: whether the server sends it or not, the books say the same."""

    def counts(fate: Callable[[int, int], list[int]]) -> dict[str, int]:
        simulation = Simulation(join_delay_ns=60 * MS, fate=fate)
        simulation.take_out(4, 1_020 * MS, back_ns=1_150 * MS)  # joins from 1,151 to 1,211 ms
        tally = simulation.run()
        assert books_close(tally)
        return {name: tally.counts[name] for name in COUNTED}

    told = counts(in_time(5 * MS))
    assert told == counts(lambda m, r: [] if (m, r) == (2, 4) else [5 * MS])
    assert told[Count.DELIVERIES_LOST] == told[Count.DELIVERIES_UNEXPECTED] == told[Count.DELIVERIES_DUPLICATED] == 0
    assert told[Count.DELIVERIES_EXPECTED] == told[Count.DELIVERIES_RECEIVED]


def test_who_leaves_may_get_what_the_server_sends_until_it_has_heard() -> None:
    """A closing handshake takes its time: a message meanwhile may come, and one from before it must not be missed."""
    simulation = Simulation(rate_per_s=100, seconds=0.1, close_delay_ns=15 * MS, fate=in_time(12 * MS))
    simulation.leave(9, 1_041 * MS)
    tally = simulation.run()

    sent = 10 - sum(simulated_sender(n) == 9 for n in range(5, 10))
    assert tally.counts[Count.MESSAGES_SENT] == sent
    # Messages 0 to 4 are sent before it leaves, and all arrive while its socket is there; 5 is sent to it, too.
    assert tally.counts[Count.DELIVERIES_EXPECTED] == tally.counts[Count.DELIVERIES_RECEIVED] == 9 * sent + 5
    assert tally.counts[Count.DELIVERIES_UNEXPECTED] == tally.counts[Count.DELIVERIES_EXCUSED] == 0
    assert tally.counts[Count.RECONNECTS] == tally.counts[Count.CONNECTIONS_DROPPED] == 0


def test_what_is_read_after_a_leave_that_was_confirmed_is_unexpected() -> None:
    """The handshake is over, and yet it reads on: somebody forgot to take it out of the room."""
    simulation = Simulation(lingerers=frozenset({9}))
    simulation.leave(9, 1_350 * MS)
    tally = simulation.run()

    sent_after = sum(simulated_sender(n) != 9 for n in range(4, 10))
    assert tally.counts[Count.DELIVERIES_UNEXPECTED] == sent_after > 0
    assert tally.counts[Count.DELIVERIES_DUPLICATED] == 0
    assert books_close(tally)


def test_a_reconnect_of_half_of_the_users_loses_nothing_that_was_acknowledged() -> None:
    """All are cut at one instant with messages under way to them, and come back one after the other."""
    simulation = Simulation(user_count=100, rate_per_s=100, seconds=4, fate=in_time(35 * MS), history=True)
    for user in range(0, 100, 2):
        simulation.take_out(user, 2_501 * MS, back_ns=(2_600 + 10 * user) * MS)
    tally = simulation.run()

    assert tally.counts[Count.RECONNECTS] == tally.metrics[Metric.RECONNECT_TIME].count == 50
    assert tally.counts[Count.DELIVERIES_LOST] == tally.counts[Count.DELIVERIES_LOST_ACKED] == 0
    # Four messages are under way: those of 2,470 to 2,500 ms.
    assert tally.counts[Count.DELIVERIES_EXCUSED] == tally.counts[Count.DELIVERIES_RECOVERED] == 4 * 50
    assert tally.counts[Count.DELIVERIES_DUPLICATED] == tally.counts[Count.DELIVERIES_UNEXPECTED] == 0
    assert 0 < tally.counts[Count.MESSAGES_UNSENT] == tally.counts[Note.UNSENT_AWAY]
    assert books_close(tally)


@pytest.mark.parametrize("process_count", [1, 2, 3])
def test_what_those_whom_an_incident_hit_have_missed_and_read_is_counted_to_the_delivery(process_count: int) -> None:
    """For each incident its own: one brings its users back, who read it all; of the other's, one never comes back."""
    simulation = Simulation(
        user_count=12, rate_per_s=100, seconds=1, history=True, tells_history_apart=True, process_count=process_count
    )
    back_ns: dict[int, dict[int, int | None]] = {
        0: dict.fromkeys((0, 1, 2, 3), 1_405 * MS),
        1: {4: 1_805 * MS, 5: None},
    }
    cut_ns = {0: 1_205 * MS, 1: 1_505 * MS}
    for incident, users in back_ns.items():
        for user, back in users.items():
            simulation.hit(user, incident, (1_200 + 300 * incident) * MS, cut_ns[incident], back)
    tally = simulation.run()

    away_ns = {
        user: (cut_ns[incident], NS_PER_S * 9 if back is None else back + simulation.connect_delay_ns)
        for incident, users in back_ns.items()
        for user, back in users.items()
    }

    def is_away(user: int | None, at_ns: int) -> bool:
        return user in away_ns and away_ns[user][0] <= at_ns < away_ns[user][1]

    senders = Senders(simulation.seed, ActiveUsers(simulation.seed, 1.0, 12))
    said_ns = [
        at_ns
        for n, at_ns in enumerate(range(NS_PER_S, 2 * NS_PER_S, 10 * MS))
        if not is_away(senders.sender_of(n, 12), at_ns)
    ]
    missed = {user: sum(is_away(user, at_ns) for at_ns in said_ns) for user in away_ns}
    first, second = (tally.incidents[number] for number in (0, 1))
    assert (first.hit_count, first.back.count, first.back.max_ns) == (4, 4, 208 * MS)
    assert (second.hit_count, second.back.count, second.back.max_ns) == (2, 1, 308 * MS)
    assert 0 < first.missed_count == sum(missed[user] for user in (0, 1, 2, 3)) == first.recovered_count
    assert second.missed_count == missed[4] + missed[5]
    assert 0 < second.recovered_count == missed[4] < missed[5]
    assert tally.counts[Count.DELIVERIES_LOST] == tally.counts[Count.DELIVERIES_DUPLICATED] == 0
    assert books_close(tally)
