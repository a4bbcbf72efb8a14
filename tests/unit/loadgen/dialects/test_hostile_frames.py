"""Frames of each dialect with something wrong in them, and what a user makes of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects.script import DialectScript
from loadgen.engine.member import Member
from loadgen.engine.user import UserState
from loadgen.errors import ErrorKind
from loadgen.measure.ledger import Ledger
from loadgen.measure.tally import Count
from scenarios.dialect_files import builtin_dialects, load_dialect
from tests.support.hunting import examples
from tests.support.lone_member import a_member
from tests.support.mutations import with_other_numbers, with_other_types
from tests.support.tongues import TONGUES, Tongue

# Turns in which the longest of them, XMPP, lets a user in, and some of talk.
MOST_TURNS = 12
END_NS = 10**12

Change = Callable[[bytes], list[bytes]]

spoken_by_each = pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.name)


def conversed(tongue: Tongue, change: Change) -> tuple[Member, Ledger]:
    """Let a user in and talk, where each frame of the server is changed on its way; the user, and its closed books."""
    member, _, connection, ledger = a_member(load_dialect(tongue.dialect))
    receive, read_count, heard = member.receive, 0, list(tongue.hello)
    for now_ns in range(2, 2 + MOST_TURNS):
        for frame in heard:
            for changed in change(frame):
                if not receive(0, changed, now_ns):
                    member.heard(changed, now_ns)
        chatter = member.chatter
        if chatter.state is UserState.CONNECTED:
            member.send_all(chatter.joining(now_ns))
        if chatter.state is UserState.READY:
            message = chatter.due(now_ns, now_ns, now_ns, writable=True)
            assert isinstance(message, bytes)
            member.send_all([message])
        heard = [answer for said in connection.sent[read_count:] for answer in tongue.answers(said)]
        read_count = len(connection.sent)
    ledger.close(END_NS)
    return member, ledger


def books_close(ledger: Ledger) -> bool:
    """Whether every message and every delivery is accounted for."""
    counts = ledger.tally.counts
    settled = counts[Count.DELIVERIES_RECEIVED] + counts[Count.DELIVERIES_LOST] + counts[Count.DELIVERIES_EXCUSED]
    return (
        counts[Count.MESSAGES_DUE] == counts[Count.MESSAGES_SENT] + counts[Count.MESSAGES_UNSENT]
        and counts[Count.DELIVERIES_EXPECTED] == settled
    )


def test_each_dialect_that_comes_with_us_is_tried() -> None:
    """And the one of the fast server."""
    assert {tongue.name for tongue in TONGUES} == {*builtin_dialects(), "relay"}


@spoken_by_each
def test_true_frames_let_a_user_in_and_bring_back_what_it_says(tongue: Tongue) -> None:
    """Else the wrong ones would prove nothing."""
    member, ledger = conversed(tongue, lambda frame: [frame])
    counts = ledger.tally.counts

    assert member.chatter.state is UserState.READY
    assert ledger.tally.errors == {}
    # What was said in the last turn is not answered any more.
    assert counts[Count.DELIVERIES_RECEIVED] == counts[Count.MESSAGES_SENT] - 1 > 0
    assert counts[Count.ACKS_RECEIVED] == (counts[Count.MESSAGES_SENT] - 1) * member.chatter.dialect.has_ack
    assert books_close(ledger)


@spoken_by_each
@pytest.mark.parametrize("change", [with_other_types, with_other_numbers])
def test_other_types_and_numbers_are_no_crash(tongue: Tongue, change: Change) -> None:
    """Each frame comes with each of them, and then as it is."""
    _, ledger = conversed(tongue, lambda frame: [*change(frame), frame])

    assert {kind for kind, _ in ledger.tally.errors} <= {ErrorKind.ERROR_FRAME, ErrorKind.TEXT_CHANGED}
    assert books_close(ledger)


def drawn(data: st.DataObject, frame: bytes) -> list[bytes]:
    """What comes in the place of a frame."""
    at = data.draw(st.integers(0, len(frame)), "at")
    match data.draw(st.sampled_from(["as it is", "half", "in two", "twice", "noise", "types", "numbers"]), "change"):
        case "half":
            return [frame[:at]]
        case "in two":
            return [frame[:at], frame[at:]]
        case "twice":
            return [frame, frame]
        case "noise":
            noise, to = data.draw(st.binary(max_size=12), "noise"), data.draw(st.integers(at, len(frame)), "to")
            return [frame[:at] + noise + frame[to:]]
        case "types" if others := with_other_types(frame):
            return [data.draw(st.sampled_from(others), "types")]
        case "numbers" if others := with_other_numbers(frame):
            return [data.draw(st.sampled_from(others), "numbers")]
    return [frame]


@pytest.mark.hunt
@spoken_by_each
@examples(30)
@given(data=st.data())
def test_whatever_comes_of_true_frames_is_no_crash(tongue: Tongue, data: st.DataObject) -> None:
    """No error is counted but that the server refuses or has changed something, and the books close."""
    _, ledger = conversed(tongue, lambda frame: drawn(data, frame))

    assert {kind for kind, _ in ledger.tally.errors} <= {ErrorKind.ERROR_FRAME, ErrorKind.TEXT_CHANGED}
    assert books_close(ledger)


def patterns_of(script: DialectScript) -> list[str]:
    """Every regular expression that the frames of a server are searched with."""
    connect, join, publish, alive, history = script.connect, script.join, script.publish, script.alive, script.history
    texts = [
        *(connect.until, connect.node, *(step.until for step in connect.then)),
        *(None if join is None else join.until, publish.ack, None if script.direct is None else script.direct.ack),
        *(() if history is None else (history.frame, history.seq, history.more)),
        *(alive.answer, *script.errors.frames),
    ]
    return [text.removeprefix("re:") for text in texts if text is not None and text.startswith("re:")]


@pytest.mark.parametrize("name", builtin_dialects())
def test_no_frame_takes_the_square_of_its_length(name: str) -> None:
    """A pattern that goes on as long as it likes is bound to the beginning of a frame, so it is tried once.

    A frame of 1 MB that began such a pattern 80,000 times took minutes, and its worker was given up.
    """
    for pattern in patterns_of(load_dialect(name)):
        goes_on = re.search(r"(?<!\\)[*+]", re.sub(r"\[[^\]]*\]", "x", pattern)) is not None
        assert not goes_on or re.match(r"(?:\(\?s\))?\^", pattern), pattern
