"""Messages stamped by another host's clock, and a window that begins anew: what counts, and what is timed."""

from __future__ import annotations

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.clocks import Clock
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.nodes import Layout, Nodes
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Metric, Note, Tally
from loadgen.plan.plan import Share
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import OTHER_NODE

PREFIX = marker.prefix_of("abc123")
DEADLINE_NS = 1_000
AHEAD_NS = 1_000_000
"""How far the other host's clock is ahead of ours."""
ERROR_NS = 10
WINDOW_NS = (5_000, 50_000)
OURS, THEIRS = 0, 1
"""A user of this process, and one of the process on the other host."""


def a_ledger() -> Ledger:
    """Our books: user 0 of two, both in one room since 0, the window open from 5,000 on."""
    clocks = {1: Clock(-AHEAD_NS, ERROR_NS)}
    rules = Rules(2, Rooms.alike(1), Reach.ROOM, True, DEADLINE_NS, share=Share(0, 2), other_clocks=clocks)
    ledger = Ledger(rules, PREFIX, Tally(0))
    ledger.measure(*WINDOW_NS)
    ledger.members.joining(OURS, 0)
    ledger.members.joined(OURS, 0)
    return ledger


def said_by(user: int, at_ns: int, sequence: int = 0) -> bytes:
    """The marker of a message that was due and sent at an instant of our clock."""
    stamped_ns = at_ns + (AHEAD_NS if user == THEIRS else 0)
    return marker.write(PREFIX, Stamp(user, sequence, stamped_ns, stamped_ns))


def comes(ledger: Ledger, text: bytes, at_ns: int) -> None:
    """A message of the other host reaches our user, and soon after the news of it come."""
    ledger.receive(OURS, b"words " + text, at_ns)
    ledger.hear(News(text, b""))


def close(ledger: Ledger) -> Tally:
    """The books, closed long after."""
    ledger.close(WINDOW_NS[1] + 10 * DEADLINE_NS)
    return ledger.tally


def test_what_another_clock_has_stamped_is_counted_and_not_timed() -> None:
    """Between hosts a latency would be the difference of two clocks."""
    ledger = a_ledger()
    comes(ledger, said_by(THEIRS, 6_000), 6_100)
    tally = close(ledger)

    assert tally.counts[Count.DELIVERIES_RECEIVED] == tally.counts[Count.DELIVERIES_EXPECTED] == 1
    assert tally.counts[Note.DELIVERIES_UNTIMED] == 1
    assert tally.counts[Note.NEGATIVE_TIMES] == tally.counts[Count.DELIVERIES_LATE] == 0
    assert tally.metrics[Metric.DELIVERY_TIME].count == tally.metrics[Metric.DELIVERY_SERVICE_TIME].count == 0
    assert not ledger.take_spreads().rows.size


def test_what_another_clock_has_stamped_may_come_before_it_was_sent() -> None:
    """Within the error; and what is not timed adds up, settled together or not."""
    ledger = a_ledger()
    comes(ledger, said_by(THEIRS, 6_000), 6_001 - ERROR_NS)
    ledger.settle(6_010)
    comes(ledger, said_by(THEIRS, 6_100, 1), 6_100)
    comes(ledger, said_by(THEIRS, 6_200, 2), 6_199 - ERROR_NS)
    tally = close(ledger)

    assert tally.counts[Note.DELIVERIES_UNTIMED] == tally.counts[Count.DELIVERIES_RECEIVED] == 2
    assert tally.counts[Count.DELIVERIES_UNEXPECTED] == 1, "the last one came too early for that"
    assert tally.counts[Note.NEGATIVE_TIMES] == 0


def test_when_a_user_of_another_host_came_to_its_node_is_told_by_the_other_clock() -> None:
    """What it said before is of a node that nobody knows."""
    layout = Layout(("http://one",), are_named=True)
    rules = Rules(
        2,
        Rooms.alike(1),
        Reach.ROOM,
        True,
        DEADLINE_NS,
        share=Share(0, 2),
        other_clocks={1: Clock(-AHEAD_NS, ERROR_NS)},
        nodes=layout,
    )
    ledger, there = Ledger(rules, PREFIX, Tally(0)), Nodes(2, layout, Share(1, 2))
    ledger.measure(*WINDOW_NS)
    ledger.members.joining(OURS, 0)
    ledger.members.joined(OURS, 0)
    assert ledger.nodes is not None
    ledger.nodes.greeted(OURS, "a", 100)
    there.greeted(THEIRS, "b", 6_000 + AHEAD_NS)
    ledger.hear(News(b"", b"", there.take_moves()))
    for sequence, at_ns in enumerate((5_900, 6_100)):
        comes(ledger, said_by(THEIRS, at_ns, sequence), at_ns + 50)
    tally = close(ledger)

    assert tally.counts[Count.DELIVERIES_RECEIVED] == 2
    assert tally.of_slice(OTHER_NODE).counts[Count.DELIVERIES_RECEIVED] == 1


def test_a_message_of_ones_own_host_is_timed_as_ever() -> None:
    """The other clock takes nothing from what one clock has seen."""
    ledger = a_ledger()
    text = said_by(OURS, 6_000)
    ledger.sent(text, Stamp(OURS, 0, 6_000, 6_000))
    ledger.receive(OURS, b"words " + text, 6_100)

    tally = close(ledger)
    assert tally.metrics[Metric.DELIVERY_TIME].max_ns == 100
    assert tally.counts[Note.DELIVERIES_UNTIMED] == 0


def test_the_window_holds_for_messages_of_another_host_too() -> None:
    """What was due a moment before it, by the sender's own clock, does not count here either."""
    ledger = a_ledger()
    comes(ledger, said_by(THEIRS, WINDOW_NS[0] - 1), 6_000)
    comes(ledger, said_by(THEIRS, WINDOW_NS[0], 1), 6_000)

    assert close(ledger).counts[Count.DELIVERIES_RECEIVED] == 1


def test_what_another_host_sent_and_nobody_got_is_lost() -> None:
    """The news of it come with the other clock's times."""
    ledger = a_ledger()
    other = Ledger(
        Rules(
            2,
            Rooms.alike(1),
            Reach.ROOM,
            True,
            DEADLINE_NS,
            share=Share(1, 2),
            other_clocks={0: Clock(AHEAD_NS, ERROR_NS)},
        ),
        PREFIX,
        Tally(0),
    )
    stamped_ns = 6_000 + AHEAD_NS
    other.sent(said_by(THEIRS, 6_000), Stamp(THEIRS, 0, stamped_ns, stamped_ns))
    ledger.hear(other.take_news())

    assert close(ledger).counts[Count.DELIVERIES_LOST] == 1


def test_who_joined_within_the_error_of_the_other_clock_may_get_a_message_and_need_not() -> None:
    """Which came first, the join or the message, nobody knows."""
    for sent_ns, must in ((7_000 - ERROR_NS, False), (7_000 + ERROR_NS - 1, False), (7_000 + ERROR_NS, True)):
        ledger = a_ledger()
        ledger.members.left(OURS, 6_000)
        ledger.members.joining(OURS, 6_900)
        ledger.members.joined(OURS, 7_000)
        comes(ledger, said_by(THEIRS, sent_ns), 7_200)
        counts = close(ledger).counts

        assert counts[Count.DELIVERIES_EXPECTED] == counts[Count.DELIVERIES_RECEIVED] == must
        assert counts[Count.DELIVERIES_UNEXPECTED] == 0


def test_a_window_that_begins_anew_has_nothing_of_what_was_under_way() -> None:
    """Neither expected nor lost nor received, whether it comes or not; what is due from then on counts."""
    ledger = a_ledger()
    for n, sent_ns in enumerate((6_000, 6_100, 8_000)):
        if n == 2:
            ledger.measure_anew(7_000, WINDOW_NS[1])
            ledger.tally.measure_anew()
        text = said_by(OURS, sent_ns, n)
        ledger.sent(text, Stamp(OURS, n, sent_ns, sent_ns))
        if n != 1:
            ledger.receive(OURS, text, sent_ns + 2_000)
    tally = close(ledger)

    received = tally.counts[Count.DELIVERIES_RECEIVED]
    assert received == tally.counts[Count.DELIVERIES_EXPECTED] == tally.counts[Count.MESSAGES_SENT] == 1
    assert tally.counts[Count.DELIVERIES_LOST] == 0
    assert tally.metrics[Metric.DELIVERY_TIME].count == tally.metrics[Metric.SEND_LATENESS].count == 1


def test_what_is_of_the_whole_run_stays_where_the_window_begins_anew() -> None:
    """Connections were opened once, whenever the measuring began."""
    tally = Tally(0)
    tally.counts[Count.CONNECTIONS_OPENED] = 5
    tally.counts[Count.DELIVERIES_RECEIVED] = 7
    tally.metrics[Metric.CONNECT_TIME].record(1)
    tally.metrics[Metric.DELIVERY_TIME].record(1)
    tally.measure_anew()

    assert (tally.counts[Count.CONNECTIONS_OPENED], tally.counts[Count.DELIVERIES_RECEIVED]) == (5, 0)
    assert (tally.metrics[Metric.CONNECT_TIME].count, tally.metrics[Metric.DELIVERY_TIME].count) == (1, 0)


def test_who_leaves_within_the_error_of_a_clock_may_get_a_message_and_need_not() -> None:
    """A moment earlier he was there for sure, a moment later he was not: only then is he held to anything."""
    for at_ns, expected, duplicated, unexpected in ((6_000, 1, 1, 0), (6_050, 0, 0, 0), (6_100, 0, 0, 2)):
        ledger = a_ledger()
        ledger.members.left(OURS, 6_055)
        text = said_by(THEIRS, at_ns)
        ledger.hear(News(text, b""))
        for _ in range(2):
            ledger.receive(OURS, text, 6_200)
        counts = close(ledger).counts

        assert counts[Count.DELIVERIES_EXPECTED] == expected
        assert counts[Count.DELIVERIES_DUPLICATED] == duplicated
        assert counts[Count.DELIVERIES_UNEXPECTED] == unexpected
