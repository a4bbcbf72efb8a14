"""Whole runs in the simulator: what a server did is what the tally says, to the delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadgen.dialects.script import PublishScript, Reach
from loadgen.engine.user import UserState
from loadgen.measure.examples import Example, Fault, chosen
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import OF_A_PHASE, OF_A_SLICE, Count, Metric, Note, PerSecond, Tally
from loadgen.plan.pacing import NS_PER_S, Gaps
from loadgen.plan.rooms import Layer
from loadgen.plan.senders import ActiveUsers, Senders
from loadgen.plan.slices import SliceKind, Stretch, kind_of
from tests.support.simulator import MS, RELAY, Simulation, in_time

COUNTED = [name for name in Count if not name.startswith(("frames_", "bytes_"))]
# Counted by the swarm, or not happening here.
NOT_SIMULATED = {Count.USERS_PLANNED, Count.CONNECTIONS_FAILED}


def books_close(tally: Tally) -> bool:
    """The two sums of product.md."""
    c = tally.counts
    return (
        c[Count.MESSAGES_DUE] == c[Count.MESSAGES_SENT] + c[Count.MESSAGES_UNSENT]
        and c[Count.DELIVERIES_EXPECTED]
        == c[Count.DELIVERIES_RECEIVED] + c[Count.DELIVERIES_LOST] + c[Count.DELIVERIES_EXCUSED]
    )


def test_everything_arrives_on_a_good_server() -> None:
    """Two thousand users, one room: each message reaches all of them, after exactly the server's delay."""
    tally = Simulation(user_count=2_000, rate_per_s=10, seconds=3, fate=in_time(7 * MS)).run()

    assert tally.counts[Count.MESSAGES_DUE] == 30
    assert tally.counts[Count.DELIVERIES_EXPECTED] == tally.counts[Count.DELIVERIES_RECEIVED] == 30 * 2_000
    assert tally.counts[Count.DELIVERIES_LOST] == tally.counts[Count.DELIVERIES_DUPLICATED] == 0
    delivery = tally.metrics[Metric.DELIVERY_TIME]
    assert delivery.min_ns == delivery.max_ns == 7 * MS
    assert tally.metrics[Metric.ACK_TIME].max_ns == 1 * MS
    assert tally.metrics[Metric.JOIN_TIME].max_ns == 2 * MS
    assert tally.counts[Count.ACKS_RECEIVED] == 30
    assert books_close(tally)


def test_delivery_time_counts_from_due_and_service_time_from_sent() -> None:
    """A generator that is late does not flatter the server: its lateness is in the delivery time."""
    tally = Simulation(late_by_ns=3 * MS, fate=in_time(10 * MS)).run()

    assert tally.metrics[Metric.SEND_LATENESS].min_ns == tally.metrics[Metric.SEND_LATENESS].max_ns == 3 * MS
    assert tally.metrics[Metric.DELIVERY_SERVICE_TIME].max_ns == 10 * MS
    assert tally.metrics[Metric.DELIVERY_TIME].min_ns == tally.metrics[Metric.DELIVERY_TIME].max_ns == 13 * MS


def test_each_lost_delivery_is_found() -> None:
    """A copy that never comes is lost once the drain has ended, and nothing else is."""
    tally = Simulation(fate=lambda m, r: [] if (m + r) % 7 == 0 else [5 * MS]).run()

    lost = sum((m + r) % 7 == 0 for m in range(10) for r in range(10))
    assert tally.counts[Count.DELIVERIES_LOST] == lost
    assert books_close(tally)


def test_duplicates_count_each_extra_copy() -> None:
    """Three copies are one delivery and two duplicates, however long after the first they come."""

    def fate(message: int, receiver: int) -> list[int]:
        return [5 * MS, 6 * MS, 1_500 * MS] if receiver == 3 else [5 * MS]

    tally = Simulation(fate=fate).run()

    assert tally.counts[Count.DELIVERIES_RECEIVED] == 100
    assert tally.counts[Count.DELIVERIES_DUPLICATED] == 20
    assert tally.counts[Count.DELIVERIES_UNEXPECTED] == 0
    assert books_close(tally)


def test_a_delivery_after_the_deadline_is_late_and_received() -> None:
    """Late is counted beside received, never instead of it."""
    simulation = Simulation(
        deadline_ns=NS_PER_S, drain_ns=5 * NS_PER_S, fate=lambda m, r: [1_200 * MS if r == 0 else 5 * MS]
    )
    tally = simulation.run()

    assert tally.counts[Count.DELIVERIES_LATE] == 10
    assert tally.counts[Count.DELIVERIES_RECEIVED] == 100
    assert tally.counts[Count.DELIVERIES_LOST] == 0
    assert books_close(tally)


def test_what_comes_after_the_drain_is_lost() -> None:
    """Lost means: not there when the drain ended."""
    tally = Simulation(drain_ns=0, fate=in_time(5 * MS), seconds=1, rate_per_s=10).run()
    assert tally.counts[Count.DELIVERIES_LOST] == 0  # the last message was due 100 ms before the end

    tally = Simulation(drain_ns=0, fate=in_time(150 * MS), seconds=1, rate_per_s=10).run()
    assert tally.counts[Count.DELIVERIES_LOST] == 10
    assert books_close(tally)


def test_a_receiver_whose_socket_is_gone_is_excused() -> None:
    """What a user could not get, since the socket died before the deadline, is no loss."""
    simulation = Simulation(fate=in_time(50 * MS))
    simulation.cut(4, 1_020 * MS)  # the message of 1,000 ms is under way to it
    tally = simulation.run()

    senders_lost = tally.counts[Count.MESSAGES_UNSENT]
    assert tally.counts[Count.DELIVERIES_EXCUSED] == 1
    assert tally.counts[Count.DELIVERIES_LOST] == 0
    assert tally.counts[Count.DELIVERIES_EXPECTED] == 10 + 9 * (9 - senders_lost)
    assert tally.counts[Count.CONNECTIONS_DROPPED] == 1
    assert books_close(tally)


def test_messages_of_a_user_who_is_gone_are_unsent() -> None:
    """They were due all the same, and nobody waits for them."""
    simulation = Simulation(user_count=1)
    simulation.cut(0, 1_250 * MS)
    tally = simulation.run()

    assert tally.counts[Count.MESSAGES_DUE] == 10
    assert tally.counts[Count.MESSAGES_SENT] == 3
    assert tally.counts[Count.MESSAGES_UNSENT] == 7
    assert books_close(tally)


def test_two_swapped_messages_of_one_sender_are_one_reordering() -> None:
    """Overtaken is what comes after a later message of the same sender."""
    tally = Simulation(user_count=1, fate=lambda m, r: [150 * MS if m == 2 else 5 * MS]).run()

    assert tally.counts[Count.DELIVERIES_REORDERED] == 1


def test_rooms_are_kept_apart() -> None:
    """A message reaches its room, and nobody else is waited for."""
    tally = Simulation(user_count=10, room_count=5, rate_per_s=20).run()

    assert tally.counts[Count.DELIVERIES_EXPECTED] == tally.counts[Count.DELIVERIES_RECEIVED] == 20 * 2
    assert tally.counts[Count.DELIVERIES_UNEXPECTED] == 0


def test_a_sender_without_echo_is_not_waited_for() -> None:
    """Where the server does not send a message back, it has one receiver less."""
    script = replace(RELAY, publish=replace(RELAY.publish, echo=False))
    tally = Simulation(script=script).run()

    assert tally.counts[Count.DELIVERIES_EXPECTED] == tally.counts[Count.DELIVERIES_RECEIVED] == 10 * 9


def test_an_echo_server_reaches_the_sender_alone() -> None:
    """With reach self every message has one receiver."""
    script = replace(RELAY, publish=PublishScript(send="SAY {room} {id} {text}", reach=Reach.SELF))
    tally = Simulation(script=script, rate_per_s=100).run()

    assert tally.counts[Count.DELIVERIES_EXPECTED] == tally.counts[Count.DELIVERIES_RECEIVED] == 100
    assert tally.counts[Count.ACKS_RECEIVED] == 0


def test_warm_up_is_sent_and_not_measured() -> None:
    """A message belongs to the window of its due time."""
    tally = Simulation(warmup_ns=NS_PER_S, seconds=2, fate=lambda m, r: [] if m < 10 else [5 * MS]).run()

    assert tally.counts[Count.MESSAGES_DUE] == 20
    assert tally.counts[Count.DELIVERIES_LOST] == 0
    assert sum(second[PerSecond.MESSAGES_SENT] for second in tally.seconds.values()) == 30


def test_a_frozen_second_is_in_the_delivery_times() -> None:
    """No coordinated omission: a server that stands still for a second shows in every message due meanwhile."""
    freeze_start, freeze_end = 5_000 * MS, 6_000 * MS
    simulation = Simulation(user_count=3, rate_per_s=100, seconds=10)

    def fate(message: int, receiver: int) -> list[int]:
        sent_ns = simulation.now_ns
        return [freeze_end - sent_ns if freeze_start <= sent_ns < freeze_end else 1 * MS]

    simulation.fate = fate
    tally = simulation.run()

    p95_ns = tally.metrics[Metric.DELIVERY_TIME].quantile_ns(0.95)
    assert p95_ns is not None
    assert 490 * MS < p95_ns < 510 * MS  # a tenth of all waited, evenly from 0 to 1 s
    assert tally.counts[Count.DELIVERIES_LOST] == 0


def test_a_join_that_is_not_confirmed_is_not_waited_for_and_not_unexpected() -> None:
    """Who may get a message, since the server might have let it in, is neither lost nor unexpected."""
    tally = Simulation(user_count=4, unconfirmed=frozenset({3})).run()

    sent = tally.counts[Count.MESSAGES_SENT]
    assert 0 < sent < 10  # the unconfirmed user does not write
    assert tally.counts[Count.DELIVERIES_EXPECTED] == tally.counts[Count.DELIVERIES_RECEIVED] == 3 * sent
    assert tally.counts[Count.DELIVERIES_LOST] == tally.counts[Count.DELIVERIES_UNEXPECTED] == 0
    assert tally.counts[Count.DELIVERIES_DUPLICATED] == 0


# --- what becomes of a message --------------------------------------------------------------------------------


def test_what_was_acknowledged_and_lost_is_told_apart() -> None:
    """The server took it and lost it, or nobody knows whether it ever had it."""
    tally = Simulation(fate=lambda m, r: [] if r in (0, m) else [5 * MS], unacknowledged=frozenset({3, 4})).run()

    assert tally.counts[Count.ACKS_RECEIVED] == 8
    assert tally.counts[Count.DELIVERIES_LOST] == 10 + 9  # user 0 misses all; message m misses user m besides
    assert tally.counts[Count.DELIVERIES_LOST_UNACKED] == 2 + 2
    assert tally.counts[Count.DELIVERIES_LOST_ACKED] == 19 - 4
    assert books_close(tally)


def test_first_and_last_receiver_of_each_message() -> None:
    """The first has it after 5 ms, the last after 14: one time of each a message, from due on."""
    for process_count in (1, 3):
        simulation = Simulation(process_count=process_count, late_by_ns=MS, fate=lambda m, r: [(5 + r) * MS])
        tally = simulation.run()

        first, last = tally.metrics[Metric.FIRST_DELIVERY_TIME], tally.metrics[Metric.LAST_DELIVERY_TIME]
        assert (first.count, first.min_ns, first.max_ns) == (10, 6 * MS, 6 * MS)
        assert (last.count, last.min_ns, last.max_ns) == (10, 15 * MS, 15 * MS)
        fanout = tally.metrics[Metric.FANOUT_TIME]
        assert (fanout.count, fanout.min_ns, fanout.max_ns) == (10, 9 * MS, 9 * MS)


def test_a_message_with_one_receiver_has_no_way_from_the_first_to_the_last() -> None:
    """Zeros of direct messages would hide how long a room takes."""
    tally = Simulation(user_count=4, room_count=4).run()

    assert tally.metrics[Metric.LAST_DELIVERY_TIME].count == 10
    assert tally.metrics[Metric.FANOUT_TIME].count == 0


def test_what_is_said_in_another_room_is_unexpected() -> None:
    """Somebody reads what is not for him; everybody else is served as ever."""
    tally = Simulation(room_count=2, eavesdroppers=frozenset({0})).run()

    foreign = sum(simulated_sender(n) % 2 == 1 for n in range(10))
    assert tally.counts[Count.DELIVERIES_UNEXPECTED] == foreign > 0
    assert tally.counts[Count.DELIVERIES_RECEIVED] == tally.counts[Count.DELIVERIES_EXPECTED] == 10 * 5


# --- examples of what went wrong ------------------------------------------------------------------------------


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


# --- users who come and go ------------------------------------------------------------------------------------


def simulated_sender(n: int, user_count: int = 10, seed: int = 1) -> int:
    """Who writes message ``n``."""
    sender = Senders(seed, ActiveUsers(seed, 1.0, user_count)).sender_of(n, user_count)
    assert sender is not None, "all are active"
    return sender


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


# --- several rooms a user ---------------------------------------------------------------------------------------


def test_a_message_goes_to_those_who_share_the_room_it_is_said_in() -> None:
    """Twelve users in three rooms of four, six of two, and one each: a message in ten each, in turn."""
    tally = Simulation(user_count=12, room_count=3, more_layers=(Layer(6), Layer.own()), rate_per_s=30).run()

    assert tally.counts[Count.MESSAGES_SENT] == tally.counts[Count.ACKS_RECEIVED] == 30
    assert tally.counts[Count.DELIVERIES_EXPECTED] == tally.counts[Count.DELIVERIES_RECEIVED] == 10 * (4 + 2 + 1)
    assert tally.counts[Count.DELIVERIES_UNEXPECTED] == tally.counts[Count.DELIVERIES_LOST] == 0
    assert books_close(tally)


def test_a_message_that_is_brought_to_another_of_the_senders_rooms_is_unexpected() -> None:
    """User 0 hears everything: of what is said in six rooms of two, five are none of his business."""
    tally = Simulation(user_count=12, room_count=1, more_layers=(Layer(6),), eavesdroppers=frozenset({0})).run()

    assert tally.counts[Count.DELIVERIES_UNEXPECTED] > 0
    assert tally.counts[Count.DELIVERIES_LOST] == tally.counts[Count.DELIVERIES_DUPLICATED] == 0


# --- several processes ----------------------------------------------------------------------------------------


def an_eventful_run(
    process_count: int,
    room_count: int,
    more_layers: tuple[Layer, ...] = (),
    stretches: tuple[Stretch, ...] | None = None,
) -> Tally:
    """Two hundred messages a second for 4 s, a server that loses, doubles, swaps and delays, users who come and go."""

    def fate(message: int, receiver: int) -> list[int]:
        match (7 * message + 3 * receiver) % 41:
            case 0:
                return []
            case 1:
                return [5 * MS, 9 * MS, 700 * MS]
            case 2:
                return [300 * MS]
            case 3:
                return [1_200 * MS]
            case _:
                return [(2 + receiver) * MS]

    simulation = Simulation(
        user_count=24,
        room_count=room_count,
        more_layers=more_layers,
        rate_per_s=200,
        seconds=4,
        gaps=Gaps.EXPONENTIAL,
        deadline_ns=NS_PER_S,
        drain_ns=NS_PER_S,
        fate=fate,
        unacknowledged=frozenset(range(0, 800, 5)),
        eavesdroppers=frozenset({5}),
        history=True,
        process_count=process_count,
        stretches=stretches,
    )
    for user in range(0, 24, 3):
        simulation.take_out(user, (2_000 + user) * MS, back_ns=(2_100 + 30 * user) * MS)
    for user in range(1, 24, 3):
        simulation.leave(user, (1_500 + 40 * user) * MS, back_ns=None if user > 18 else (3_000 + 20 * user) * MS)
    simulation.cut(2, 3_333 * MS)
    return simulation.run()


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


# --- slices -------------------------------------------------------------------------------------------------------

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
