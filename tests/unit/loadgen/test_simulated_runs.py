"""Whole runs in the simulator: what a server did is what the tally says, to the delivery."""

from __future__ import annotations

from dataclasses import replace

from loadgen.dialects.script import PublishScript, Reach
from loadgen.measure.tally import Count, Metric, PerSecond
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.rooms import Layer
from tests.support.simulated_runs import books_close, simulated_sender
from tests.support.simulator import MS, RELAY, Simulation, in_time


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
