"""Whether two users could stay, and leave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadgen.dialects.script import AliveScript
from scenarios.doctor import staying
from scenarios.doctor.attempts import Closing, Overheard, Refrain, Wait
from scenarios.doctor.steps import Outcome
from tests.support.examined import CHAT, FINE, case, heard, verdict

GONE = Closing(1006, "")


def test_a_keep_alive_that_ends_the_connection_is_failed() -> None:
    """And one that does not is well."""
    alive = replace(CHAT, alive=AliveScript({"2": "3"}, 20 * 10**9, "PING"))
    dead = Wait((b"PING",), heard=Overheard(closing=GONE))
    step = staying.kept_alive(case(alive), [Wait((b"PING",)), dead], reply_count=0)

    assert verdict(step) == (Outcome.FAILED, "alive.send")
    assert step.summary == "the server hung up without a close frame"
    well = staying.kept_alive(case(alive), [Wait((b"PING",), heard=heard("PONG"))] * 2, reply_count=3)
    assert well.summary == "sent, and the connections live; answered as alive.reply says: 3 frames"
    assert staying.kept_alive(case(), [Wait()] * 2, reply_count=0).outcome is Outcome.NOT_ASKED_FOR


def test_a_keep_alive_whose_answer_does_not_come_is_failed() -> None:
    """The server may not answer it at all, or with other words."""
    alive = replace(CHAT, alive=AliveScript(every_ns=20 * 10**9, send="PING", answer="PONG"))
    answered = Wait((b"PING",), heard=heard("PONG"), has_come=True)
    step = staying.kept_alive(case(alive), [answered, Wait((b"PING",), heard=heard("pong"), has_come=False)], 0)

    assert verdict(step) == (Outcome.FAILED, "alive.answer")
    assert "'PONG'" in step.summary
    assert verdict(staying.kept_alive(case(alive), [answered] * 2, reply_count=0)) == FINE


def test_a_server_that_asks_is_answered() -> None:
    """That alone keeps a connection, where nothing is to be sent of itself."""
    asked = replace(CHAT, alive=AliveScript({"2": "3"}))
    step = staying.kept_alive(case(asked), [Wait()] * 2, reply_count=4)

    assert verdict(step) == FINE
    assert step.summary == "answered as alive.reply says: 4 frames"


@pytest.mark.parametrize("alive", [AliveScript(), AliveScript({"2": "3"})])
def test_a_frame_that_comes_again_and_again_may_want_an_answer(alive: AliveScript) -> None:
    """Said where nothing is known of it, and where the server hangs up."""
    asked = case(replace(CHAT, alive=alive), Refrain(b"?\n", 4))
    step = staying.kept_alive(asked, [Wait()] * 2, reply_count=0)

    assert verdict(step) == (Outcome.NOT_ASKED_FOR, "alive.reply")
    assert step.advice == "'?' came 4 times: does the server want an answer to it?"
    gone = staying.kept_alive(asked, [Wait(heard=Overheard(closing=GONE)), Wait()], reply_count=0)
    assert verdict(gone) == (Outcome.FAILED, "alive.reply")
    assert gone.advice == step.advice


@pytest.mark.parametrize("frame", [b'{"type":"welcome"}', b"JOINED room-1", b"ACK c0ffee-0-0"])
def test_what_the_dialect_knows_needs_no_answer(frame: bytes) -> None:
    """However often it comes."""
    assert staying.kept_alive(case(CHAT, Refrain(frame, 4)), [Wait()] * 2, reply_count=0).advice is None


def test_what_a_dialect_without_a_join_knows_needs_no_answer_either() -> None:
    """There is one thing less to know."""
    unasked = case(replace(CHAT, join=None), Refrain(b"JOINED room-1", 4))

    assert staying.kept_alive(unasked, [Wait()] * 2, reply_count=0).key == "alive.reply"


def test_a_server_that_does_not_answer_a_close_is_no_reason_to_fail() -> None:
    """A run hangs up then, and its figures are as good."""
    step = staying.closed([Closing(1000, ""), None])

    assert verdict(step) == FINE
    assert step.summary.startswith("the server did not answer the closing handshake")
    assert staying.closed([Closing(1000, ""), Closing(1005, "")]).summary == (
        "the server answered the closing handshake"
    )
