"""Corners of the ledger that its naive double does not come to: what mutants of it have shown to be untried."""

from __future__ import annotations

import pytest

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.examples import Fault
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.nodes import Layout
from loadgen.measure.numbered_rooms import JUDGED_AT_ONCE
from loadgen.measure.received import MUCH_MESSAGES
from loadgen.measure.rules import Rules
from loadgen.measure.settling import Bite
from loadgen.measure.tally import Count, Tally
from loadgen.plan.plan import WHOLE, Share
from loadgen.plan.rooms import Layer, Rooms
from tests.support.ledgers import COUNTED, DEADLINE_NS, PREFIX, USERS, a_ledger, a_return, counted, send


def test_there_is_nothing_to_tell_where_nothing_was_sent_or_acknowledged() -> None:
    """An empty telling is not sent to 64 processes."""
    assert not News(b"", b"")
    assert all((News(b"x", b""), News(b"", b"x"), News(b"", b"", b"x")))


def test_a_reminder_of_nobody_changes_nothing() -> None:
    """The delivery counts all the same."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.remind(20)

    assert ledger.receive(2, frame, 30)
    assert ledger.receive(0, frame, 31)
    ledger.close(100)
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 2


def test_a_marker_of_a_layer_of_rooms_that_is_not_there_is_damaged() -> None:
    """No user of this run has written it."""
    ledger = a_ledger()

    assert ledger.receive(2, marker.write(PREFIX, Stamp(0, 0, 10, 10, layer=1)), 20)
    assert ledger.tally.counts[Count.FRAMES_DAMAGED] == 1


def test_of_each_room_of_a_user_the_last_news_are_remembered() -> None:
    """A catch-up begins after them, room by room."""
    rules = Rules(USERS, Rooms((Layer(1), Layer(2))), Reach.ROOM, echo=True, deadline_ns=DEADLINE_NS)
    ledger = Ledger(rules, PREFIX, Tally(0))
    ledger.measure(0, 10**15)
    for user in range(USERS):
        ledger.members.joining(user, 0)
        ledger.members.joined(user, 0)
    receive = ledger.history_told_apart(lambda frame: frame.startswith(b"history"))
    frames = []
    for sequence, layer in enumerate((0, 1, 0)):
        stamp = Stamp(0, sequence, 10, 10, layer=layer)
        text = marker.write(PREFIX, stamp)
        ledger.sent(text, stamp)
        frames.append(b"words " + text)
        assert receive(2, frames[-1], 20)

    assert [ledger.last_frame(2, layer) for layer in (0, 1)] == [frames[2], frames[1]]
    assert ledger.last_frame(1, 0) is None


@pytest.mark.parametrize(("share", "missed"), [(WHOLE, 1), (Share(0, 2), 1), (Share(1, 2), 0)])
def test_a_direct_message_is_missed_by_whom_an_incident_keeps_away(share: Share, missed: int) -> None:
    """In the process that has the user, and in no other."""
    ledger = a_ledger(share=share)
    ledger.absences.began(2, 0, 5)
    if not missed:
        ledger.absences.began(3, 0, 5)
    news = News(marker.write(PREFIX, Stamp(1 - share.index, 0, 10, 10, 2)), b"")
    if share is WHOLE:
        send(ledger, 0, 10, to=2)
    else:
        ledger.hear(news)

    assert ledger.tally.of_incident(0).missed_count == missed


def test_news_of_somebody_who_is_not_in_the_run_are_passed_over() -> None:
    """Whoever says so."""
    ledger = a_ledger(share=Share(0, 2))
    ledger.hear(News(marker.write(PREFIX, Stamp(USERS + 1, 0, 10, 10)), b""))
    ledger.close(100)

    assert ledger.tally.counts[Count.DELIVERIES_EXPECTED] == 0


def test_history_may_bring_what_the_process_has_not_heard_of_yet() -> None:
    """It was excused, and is recovered, once its own process has told of it."""
    ledger = a_ledger(share=Share(0, 2), rooms=1)
    text = marker.write(PREFIX, Stamp(1, 0, 10, 10))
    a_return(ledger, 2, left_ns=15, back_ns=30)
    ledger.read_history(2, b"history " + text, 40)
    ledger.receive(0, text, 41)
    ledger.hear(News(text, b""))
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 2,
        Count.DELIVERIES_RECEIVED: 1,
        Count.DELIVERIES_EXCUSED: 1,
        Count.DELIVERIES_RECOVERED: 1,
    }


def test_much_is_judged_in_bites_and_what_never_got_a_number_is_forgotten() -> None:
    """The event loop reads its sockets in between; acknowledgements that do not come must not pile up."""
    ledger = a_ledger(numbered=True)
    count = 2 * JUDGED_AT_ONCE + 5
    for n in range(count):
        frame = send(ledger, 0, 10 + n)
        if n % 2:
            ledger.acked(frame[-marker.WIDTH :], n)
        for user in (0, 2):
            ledger.receive(user, frame, 1_000 + 10 * n)
    bites = 1
    while ledger.settle(10**10):
        bites += 1
    late = ledger.tally.counts[Count.DELIVERIES_RECEIVED]

    assert late == 2 * count
    assert bites > 2
    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 0


def test_what_was_overtaken_in_the_window_before_counts_no_more_when_its_number_comes() -> None:
    """The window begins anew as long as it lasts until all are there; acknowledgements may come after that."""
    ledger = a_ledger(numbered=True)
    first, second = send(ledger, 0, 10), send(ledger, 2, 11)
    for user, frames in ((0, (first, second)), (2, (second, first))):
        for at_ns, frame in enumerate(frames, start=20):
            ledger.receive(user, frame, at_ns)
    ledger.settle(30)
    ledger.measure_anew(40, 10**15)
    for number, frame in enumerate((first, second)):
        ledger.acked(frame[-marker.WIDTH :], number)
    ledger.close(1_000)

    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 0


def test_another_copy_of_what_is_not_measured_is_not_counted() -> None:
    """Nor is anything else of it."""
    ledger = a_ledger()
    ledger.measure(100, 200)
    frame = send(ledger, 0, 10)
    for user in (0, 2):
        ledger.receive(user, frame, 20)
    ledger.settle(30)
    ledger.receive(2, frame, 40)
    ledger.close(1_000)

    assert not any(ledger.tally.counts[name] for name in COUNTED)


def test_an_echo_server_answers_its_sender_alone() -> None:
    """Another copy of its own is a duplicate; whoever else gets it reads what is not for him."""
    ledger = a_ledger(reach=Reach.SELF)
    frame = send(ledger, 0, 10)
    for user in (0, 0, 2):
        ledger.receive(user, frame, 20)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 1,
        Count.DELIVERIES_RECEIVED: 1,
        Count.DELIVERIES_DUPLICATED: 1,
        Count.DELIVERIES_UNEXPECTED: 1,
    }


def test_what_was_sent_can_be_counted_before_anything_is_settled() -> None:
    """Who is killed in the next second has said what it sent."""
    ledger = a_ledger()
    send(ledger, 0, 10)
    ledger.account()

    assert ledger.tally.counts[Count.MESSAGES_SENT] == 1
    assert ledger.tally.counts[Count.DELIVERIES_EXPECTED] == 2


def test_a_direct_message_has_no_place_in_the_order_of_a_room() -> None:
    """The server numbers what is said to the room."""
    ledger = a_ledger(numbered=True)
    direct, to_room = send(ledger, 0, 10, to=2), send(ledger, 0, 11)
    ledger.acked(to_room[-marker.WIDTH :], 0)
    ledger.acked(direct[-marker.WIDTH :], 1)
    ledger.receive(2, direct, 20)
    for user in (0, 2):
        ledger.receive(user, to_room, 21)
    ledger.close(1_000)

    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 3
    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 0


def test_deliveries_of_a_single_node_cross_nothing() -> None:
    """Whether it says its name or not: there is no other one."""
    rules = Rules(USERS, Rooms.alike(1), Reach.ROOM, True, DEADLINE_NS, nodes=Layout(("http://one",)))
    ledger = Ledger(rules, PREFIX, Tally(0))
    ledger.measure(0, 10**15)
    assert ledger.nodes is not None
    for user in range(USERS):
        ledger.nodes.greeted(user, "one", 0)
        ledger.members.joining(user, 0)
        ledger.members.joined(user, 0)
    send(ledger, 0, 10)
    ledger.close(1_000)

    assert ledger.tally.counts[Count.DELIVERIES_LOST] == USERS
    assert ledger.tally.slices == {}
    assert ledger.nodes.take_moves() == b""


# --- direct messages


def test_a_direct_message_comes_back_where_the_server_echoes_it() -> None:
    """To the sender, and to nobody else; where it does not, the sender's copy is not for him."""
    for echo, expected in ((True, 2), (False, 1)):
        rules = Rules(USERS, Rooms.alike(2), Reach.ROOM, True, DEADLINE_NS, has_direct=True, direct_echo=echo)
        ledger = Ledger(rules, PREFIX, Tally(0))
        ledger.measure(0, 10**15)
        for user in range(USERS):
            ledger.members.joining(user, 0)
            ledger.members.joined(user, 0)
        frame = send(ledger, 0, 10, to=1)
        for user in (0, 1, 2):
            ledger.receive(user, frame, 20)
        ledger.close(1_000)

        unexpected = {Count.DELIVERIES_UNEXPECTED: 3 - expected}
        assert (
            counted(ledger) == {Count.DELIVERIES_EXPECTED: expected, Count.DELIVERIES_RECEIVED: expected} | unexpected
        )


# --- what is noted as an example


def test_a_copy_too_many_and_a_wrong_reader_are_noted_by_name() -> None:
    """Whether it came while the message was under way, or long after, or nobody had sent it."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    for user in (0, 2):
        ledger.receive(user, frame, 20)
    ledger.settle(30)
    ledger.receive(2, frame, 40)
    ledger.receive(1, frame, 41)
    ledger.receive(3, marker.write(PREFIX, Stamp(2, 5, 10, 10)), 42)
    noted = {fault: [(each.message, each.receiver) for each in ledger.tally.examples.of(fault)] for fault in Fault}

    assert noted[Fault.DUPLICATED] == [((0, 0), 2)]
    assert sorted(noted[Fault.UNEXPECTED]) == [((0, 0), 1), ((2, 5), 3)]


# --- history


def test_each_message_of_a_part_of_history_is_read() -> None:
    """Also where a marker is the first thing in it; what two users read is counted for both, and once for each."""
    ledger = a_ledger()
    ledger.absences.began(2, 3, 5)
    ledger.members.left(2, 5)
    ledger.members.left(0, 16)
    stamps = [Stamp(0, sequence, 10 + sequence, 10 + sequence) for sequence in range(3)]
    texts = [marker.write(PREFIX, stamp) for stamp in stamps]
    for text, stamp in zip(texts, stamps, strict=True):
        ledger.sent(text, stamp)
    for user in (0, 2):
        ledger.members.joining(user, 30)
        ledger.members.joined(user, 30)
    ledger.absences.ended(2, 30)
    ledger.settle(200)
    for _ in range(2):
        for user in (0, 2):
            ledger.read_history(user, b" and ".join(texts), 300)
    ledger.close(1_000)

    incident = ledger.tally.of_incident(3)
    assert (incident.missed_count, incident.recovered_count) == (3, 3)
    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 3,
        Count.DELIVERIES_EXCUSED: 3,
        Count.DELIVERIES_RECOVERED: 3,
    }


def test_what_is_recovered_before_it_was_excused_is_added_up() -> None:
    """Over messages; and whoever has not read it has not recovered it."""
    ledger = a_ledger(rooms=1)
    frames = [send(ledger, 0, 10), send(ledger, 0, 11)]
    for user in (1, 2, 3):
        a_return(ledger, user, left_ns=15, back_ns=30)
    for frame in frames:
        ledger.receive(0, frame, 20)
        for user in (1, 2):
            ledger.read_history(user, frame, 40)
    ledger.settle(500)
    ledger.read_history(3, frames[1], 600)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 8,
        Count.DELIVERIES_RECEIVED: 2,
        Count.DELIVERIES_EXCUSED: 6,
        Count.DELIVERIES_RECOVERED: 5,
    }


# --- news


def test_news_say_which_messages_there_have_been() -> None:
    """A copy of one of them is a duplicate, and the next number is that of a message to come."""
    ledger = a_ledger(share=Share(0, 2), rooms=1)
    texts = [marker.write(PREFIX, Stamp(1, sequence, 10 + sequence, 10 + sequence)) for sequence in range(3)]
    ledger.hear(News(texts[0] + texts[1], b""))
    for user in (0, 2):
        for text in texts[:2]:
            ledger.receive(user, text, 20)
    ledger.settle(30)
    ledger.receive(2, texts[1], 40)
    ledger.receive(2, texts[2], 41)
    ledger.hear(News(texts[2], b""))
    ledger.receive(0, texts[2], 42)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 6,
        Count.DELIVERIES_RECEIVED: 6,
        Count.DELIVERIES_DUPLICATED: 1,
    }


def test_somebody_who_is_not_of_the_run_does_not_keep_others_from_being_heard() -> None:
    """What stands after him counts."""
    ledger = a_ledger(share=Share(0, 2), rooms=1)
    stranger, known = (marker.write(PREFIX, Stamp(sender, 0, 10, 10)) for sender in (USERS + 1, 1))
    ledger.hear(News(stranger + known, b""))
    ledger.close(1_000)

    assert counted(ledger) == {Count.DELIVERIES_EXPECTED: 2, Count.DELIVERIES_LOST: 2}
    assert ledger.tally.counts[Count.DELIVERIES_LOST_UNACKED] == 2


# --- bites


def test_a_bite_ends_with_the_message_that_reaches_either_limit() -> None:
    """So many messages, or so many arrivals of all of them; then there may be more."""

    def settled(bite: Bite, message_count: int = 3) -> list[int]:
        """How many deliveries are accounted for after each bite, until there is no more."""
        ledger = a_ledger()
        for n in range(message_count):
            frame = send(ledger, 0, 10 + n)
            for user in (0, 2):
                ledger.receive(user, frame, 20 + n)
        told, more = [], True
        while more:
            more = ledger.settle(50, bite)
            ledger.account()
            told.append(ledger.tally.counts[Count.DELIVERIES_RECEIVED])
        return told

    assert settled(Bite(messages=1, arrivals=100)) == [2, 4, 6, 6]
    assert settled(Bite(messages=2, arrivals=100)) == [4, 6]
    assert settled(Bite(messages=100, arrivals=4)) == [4, 6]
    assert settled(Bite(messages=100, arrivals=3)) == [4, 6]
    assert settled(Bite(messages=100, arrivals=7)) == [6]


def test_bites_are_put_into_the_tally_together_and_not_more_at_once_than_a_pause_allows() -> None:
    ledger = a_ledger()
    for n in range(MUCH_MESSAGES + 2):
        frame = send(ledger, 0, 10 + n)
        for user in (0, 2):
            ledger.receive(user, frame, 20 + n)

    def received_after(bite: Bite) -> int:
        ledger.settle(1_000, bite)
        return ledger.tally.counts[Count.DELIVERIES_RECEIVED]

    assert received_after(Bite(messages=MUCH_MESSAGES - 1, arrivals=10**6)) == 0
    assert received_after(Bite(messages=1, arrivals=10**6)) == 2 * MUCH_MESSAGES
    assert received_after(Bite(messages=1, arrivals=10**6)) == 2 * MUCH_MESSAGES
    assert received_after(Bite(messages=10, arrivals=10**6)) == 2 * (MUCH_MESSAGES + 2)  # there is no more


def test_what_is_not_yet_due_does_not_keep_what_is_from_being_settled() -> None:
    """The first message waits for somebody, and those after it are complete."""
    ledger = a_ledger()
    waiting, complete = send(ledger, 0, 10), send(ledger, 0, 11)
    ledger.receive(0, waiting, 20)
    for user in (0, 2):
        ledger.receive(user, complete, 21)

    assert not ledger.settle(50)
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 2
    assert ledger.under_way == 1
    assert not ledger.settle(10 + DEADLINE_NS)
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 2
    ledger.settle(11 + DEADLINE_NS)
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 3
