"""Whether two users could stay, and leave."""

from __future__ import annotations

from dataclasses import replace

from loadgen.dialects.script import AliveScript
from scenarios.doctor import staying
from scenarios.doctor.attempts import Closing, Overheard, Wait
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


def test_a_server_that_does_not_answer_a_close_is_no_reason_to_fail() -> None:
    """A run hangs up then, and its figures are as good."""
    step = staying.closed([Closing(1000, ""), None])

    assert verdict(step) == FINE
    assert step.summary.startswith("the server did not answer the closing handshake")
    assert staying.closed([Closing(1000, ""), Closing(1005, "")]).summary == (
        "the server answered the closing handshake"
    )
