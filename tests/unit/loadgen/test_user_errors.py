"""What a user takes for an error of the server, and answers that do not come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadgen.dialects import Credentials
from loadgen.dialects.script import AliveScript, Reach
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.engine.books import Books
from loadgen.engine.user import User, UserState
from loadgen.errors import ErrorKind, ServerError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.payload import Payload
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Tally
from loadgen.plan.rooms import Rooms
from tests.support.users import BARE, BESIDE, FULL, STRICT, TOKEN, a_user, counts, errors_of, ready, state_of


def test_an_error_frame_keeps_a_user_out_who_waits_to_get_in() -> None:
    """Whoever brings it in is told at once, with the frame."""
    user, _ = a_user(STRICT)
    user.connecting(0)
    user.opened(1)

    with pytest.raises(ServerError, match="ERR banned") as caught:
        user.heard(b"ERR banned", 2)
    assert caught.value.kind is ErrorKind.ERROR_FRAME


def test_an_error_frame_is_counted_when_a_user_is_in() -> None:
    """It stays."""
    user, tally = ready(STRICT)
    user.heard(b"ERR too fast", 100)

    assert state_of(user) is UserState.READY
    assert errors_of(tally) == [(ErrorKind.ERROR_FRAME, "ERR too fast")]


@pytest.mark.parametrize(
    ("frames", "example"),
    [
        ([], "the greeting ('WELCOME') never came; no frame came"),
        ([b"hi", b"HELLO\n\xff"], "the greeting ('WELCOME') never came; what came last was 'HELLO\\n\ufffd'"),
    ],
)
def test_what_came_instead_of_an_answer_is_told(frames: list[bytes], example: str) -> None:
    """The awaited text, and the last frame that came."""
    user, tally = a_user(STRICT)
    user.connecting(0)
    user.opened(1)
    for frame in frames:
        user.heard(frame, 2)
    user.time_is_up()

    assert errors_of(tally) == [(ErrorKind.JOIN_TIMEOUT, example)]


def test_what_came_last_is_not_a_ping() -> None:
    """It is answered, so it is understood."""
    user, tally = a_user(replace(STRICT, alive=AliveScript(reply={"2": "3"})))
    user.connecting(0)
    user.opened(1)
    for frame in (b"2", b"HELLO", b"2"):
        user.heard(frame, 2)
    user.time_is_up()

    assert errors_of(tally)[0][1].endswith("what came last was 'HELLO'")


def test_a_keep_alive_that_is_not_answered_is_counted() -> None:
    """Once, when its time is up or the next one is due; a user who is not in sends none."""
    user, tally = ready(STRICT)
    missed = (ErrorKind.ALIVE_TIMEOUT, "no answer to 'ping'")

    assert user.keeping_alive() == user.keeping_alive() == b"ping"
    assert errors_of(tally) == [missed]
    user.misses_answer()
    user.misses_answer()
    user.keeping_alive()
    assert tally.errors[ErrorKind.ALIVE_TIMEOUT, "login"].count == 2
    user.heard(b"pong", 100)
    user.misses_answer()
    user.keeping_alive()
    assert tally.errors[ErrorKind.ALIVE_TIMEOUT, "login"].count == 2
    assert a_user(STRICT)[0].keeping_alive() is None


def test_an_error_may_come_beside_a_message() -> None:
    """It keeps out who is not in, and is counted of who is."""
    user, tally = a_user(BESIDE)
    user.connecting(20)
    user.opened(30)
    user.joining(50)

    with pytest.raises(ServerError, match="ERR full"):
        user.heard_beside(b"... a message ...\nERR full", 60)
    user.heard_beside(b"JOINED room-1", 70)
    user.heard_beside(b"... a message ...\nERR too fast", 80)

    assert errors_of(tally) == [(ErrorKind.ERROR_FRAME, "ERR too fast")]


@pytest.mark.parametrize("change", [lambda text: text[:-9], bytes.upper], ids=["shortened", "in capitals"])
def test_a_text_that_the_server_changed_is_counted_and_shown(change: Callable[[bytes], bytes]) -> None:
    """Whether the ledger finds something of its marker or not; the words before it tell which frame it is."""
    user, tally = ready()
    books = user._books
    frame = b"x" * 500 + b" MSG " + change(marker.write(books.prefix, Stamp(0, 0, 1, 2)))
    if not books.ledger.receive(0, frame, 100):
        user.heard(frame, 100)

    assert tally.counts[Count.FRAMES_DAMAGED] == 1
    ((kind, example),) = errors_of(tally)
    assert kind is ErrorKind.TEXT_CHANGED
    assert example.startswith("the server changed a text on its way: 'xxx")
    assert " MSG " in example


def test_who_is_gone_fails_no_more() -> None:
    """Its connection may fail after it has been given up, and that is one failure."""
    user, tally = a_user(BARE)
    user.connecting(0)
    user.failed(ErrorKind.REFUSED, "refused")
    user.failed(ErrorKind.REFUSED, "refused")

    assert counts(tally, Count.CONNECTIONS_FAILED) == [1]
    assert len(tally.errors) == 1


def test_who_is_in_or_away_is_waited_for_no_more() -> None:
    """Only a greeting or a confirmation that has not come counts."""
    user, tally = ready()
    user.time_is_up()

    assert not errors_of(tally)


class Speechless(ScriptedDialect):
    """Waits for something that has no name."""

    @property
    def awaited(self) -> str | None:
        return None


def test_what_has_no_name_is_missed_without_one() -> None:
    """A dialect in Python need not say what it waits for."""
    tally = Tally(0)
    ledger = Ledger(
        Rules(2, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=1_000), marker.prefix_of("abc123"), tally
    )
    books = Books(ledger, Payload(1, 100), "abc123", 1_000)
    user = User(0, [0], Speechless(FULL, Credentials(0, "ann", "pw")), books)
    user.logging_in(0)
    user.logged_in(TOKEN, 1)
    user.connecting(2)
    user.opened(3)
    user.time_is_up()

    assert user.token == "t0"
    assert errors_of(tally) == [(ErrorKind.JOIN_TIMEOUT, "the greeting never came; no frame came")]
