"""What became of the one message of two users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadgen.dialects import HttpAnswer, HttpRequest
from loadgen.dialects.script import FramesScript, HttpScript, Reach
from loadgen.errors import ErrorKind
from reports.budgets import ExitCode
from scenarios.doctor import talking
from scenarios.doctor.attempts import Closing, Overheard, Refrain, Trouble
from scenarios.doctor.steps import Outcome, exit_code_of
from tests.support.examined import ALL_WELL, FINE, TEXT, WORDS, case, heard, publishing, talk, verdict


def test_a_message_that_reaches_everybody_is_well() -> None:
    """In each of the steps that look at it."""
    judged = case()
    steps = [
        talking.published(judged, ALL_WELL),
        talking.acknowledged(judged, ALL_WELL),
        talking.delivered(judged, ALL_WELL),
        talking.came_back(judged, ALL_WELL),
        talking.marked(judged, ALL_WELL),
    ]

    assert [verdict(step) for step in steps] == [FINE] * 5
    assert exit_code_of(steps) is ExitCode.PASS


def test_a_server_that_closes_upon_the_message_ends_it() -> None:
    """The frame is not what it wants."""
    step = talking.published(case(), talk(Overheard(closing=Closing(1003, "no")), heard()))

    assert verdict(step) == (Outcome.FAILED, "publish.send")
    assert step.summary == "the server closed with 1003 'no' when it got the message"
    assert step.is_the_end


def test_a_message_over_http_that_is_refused_ends_it() -> None:
    """With the answer."""
    script = publishing(send=None, http=HttpScript("/say", body="{text}"), ack=None)
    message = HttpRequest("POST", "/say", (("X", "y"),), TEXT.encode())
    refused = talk(heard(), heard(), message=message, answer=HttpAnswer(403, (), (), b'{"why": "no"}'))
    step = talking.published(case(script), refused)

    assert verdict(step) == (Outcome.FAILED, "publish.http")
    assert [line.text for line in step.lines] == [f"POST /say with X {WORDS}<marker>", '403 {"why": "no"}']
    assert step.is_the_end


@pytest.mark.parametrize(
    ("frames", "key", "advice"),
    [
        (("OK c0ffee-0-0!",), "publish.ack", "our id came back in another form: try ack = 'OK {id}!'"),
        (
            ("ACK 99",),
            "publish.ack",
            "the server acknowledges 99, our id is c0ffee-0-0: it must give back our {id}",
        ),
        (
            (f"ACK c0ffee-0-0 {TEXT}",),
            "publish.ack",
            "it came within the message itself, where none is looked for: leave publish.ack out",
        ),
        (("ERR what?",), "publish.send", "the server seems to refuse the message: see what came"),
        (
            (),
            "publish.ack",
            "none of what came names our id: does the server acknowledge at all? If not, leave publish.ack out",
        ),
    ],
)
def test_an_acknowledgement_that_did_not_match_is_looked_for_in_what_came(
    frames: tuple[str, ...], key: str, advice: str
) -> None:
    """Another form, another id, the wrong place, a refusal, or none."""
    step = talking.acknowledged(case(), talk(heard(*frames), heard()))

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == "no frame matched 'ACK c0ffee-0-0' within 5 s"
    assert step.advice == advice
    assert not step.is_the_end


def test_the_number_in_the_room_is_told_where_the_dialect_asks_for_it() -> None:
    """The one in the acknowledgement of our message."""
    acked = talk(heard("ACK other-0-0 6", "ACK c0ffee-0-0 7"), heard(), is_acked=True)
    step = talking.acknowledged(case(publishing(ack="ACK {id} {seq}")), acked)

    assert step.summary == "a frame matched publish.ack, and {seq} is 7"


def test_an_acknowledgement_with_another_number_is_told() -> None:
    """Whatever else came before it, the message itself among it."""
    frames = ("2", f"MSG {TEXT}", "ACK 9")
    step = talking.acknowledged(case(publishing(ack="re:^ACK {n}$")), talk(heard(*frames), heard()))

    assert verdict(step) == (Outcome.FAILED, "publish.ack")
    assert step.advice == "the server acknowledges 9, our number is another: it must give back our {n}"


def test_a_message_over_http_that_nobody_answers_ends_it() -> None:
    """With what kept the answer from coming."""
    script = publishing(send=None, http=HttpScript("/say", body="{text}"), ack=None)
    unheard = talk(heard(), heard(), trouble=Trouble(ErrorKind.TIMEOUT, "TimeoutError"))
    step = talking.published(case(script), unheard)

    assert step.outcome is Outcome.FAILED
    assert step.summary == "no answer within 5 s"
    assert step.advice == "is this the right place?"


def test_a_server_that_names_no_message_is_asked_for_no_acknowledgement() -> None:
    """There is nothing to offer."""
    step = talking.acknowledged(case(publishing(ack=None)), talk(heard(f"MSG {TEXT}"), heard(f"MSG {TEXT}")))

    assert (step.outcome, step.key, step.advice) == (Outcome.NOT_ASKED_FOR, None, None)


@pytest.mark.parametrize("refrain", [None, Refrain(b"PING?", 4)])
def test_a_server_that_cuts_off_user_2_is_said_to(refrain: Refrain | None) -> None:
    """It may have waited for an answer to what it said again and again."""
    gone = talk(heard(), Overheard(closing=Closing(1001, "idle")))
    step = talking.delivered(case(refrain=refrain), gone)

    assert verdict(step) == (Outcome.FAILED, "publish.send" if refrain is None else "alive.reply")
    assert step.summary.endswith("within 5 s: the server closed with 1001 'idle'")


@pytest.mark.parametrize("ack", ["ACK {id} {seq}", "re:^ACK {n} {seq}$"])
def test_an_acknowledgement_that_came_in_a_frame_with_the_message_is_shown(ack: str) -> None:
    """By id or by number, where the dialect divides frames."""
    script = replace(publishing(ack=ack), frames=FramesScript(separator="\n"))
    frames = ("2", f"MSG {TEXT}\nACK 1000 7" if "{n}" in ack else f"ACK c0ffee-0-0 7\nMSG {TEXT}")
    step = talking.acknowledged(case(script), talk(heard(*frames), heard(), is_acked=True))

    assert step.summary == "a frame matched publish.ack, and {seq} is 7"
    (line,) = step.lines
    assert "MSG" in line.text


@pytest.mark.parametrize(
    ("ack", "frame"),
    [
        ("re:^ACK {id}$", f"ACK c0ffee-0-0\nMSG {TEXT}"),
        ("ACK {id}", f"ACK c0ffee-0-0\nMSG {TEXT}"),
        ("re:^ACK {n}$", "HELLO\nACK 1000"),
    ],
)
def test_an_acknowledgement_in_a_frame_of_several_messages_wants_a_separator(ack: str, frame: str) -> None:
    """Whether or not the message itself is in it."""
    step = talking.acknowledged(case(publishing(ack=ack)), talk(heard(*["2"] * 10, frame), heard()))

    assert verdict(step) == (Outcome.FAILED, "frames.separator")
    assert any("ACK" in line.text for line in step.lines)
    assert step.advice == r'it came with others in one frame: try separator = "\n"'


def test_an_acknowledgement_that_nobody_asked_for_is_offered() -> None:
    """It is no failure to leave it out."""
    step = talking.acknowledged(case(publishing(ack=None)), ALL_WELL)

    assert verdict(step) == (Outcome.NOT_ASKED_FOR, "publish.ack")
    assert step.advice == "a frame names it all the same: ack = 'ACK {id}'"
    both = talking.acknowledged(case(publishing(ack=None)), talk(heard(f"ACK c0ffee-0-0\nMSG {TEXT}"), heard()))
    assert both.advice == step.advice


@pytest.mark.parametrize(
    ("changes", "own", "other", "delivery", "own_message"),
    [
        ({}, (), (), (Outcome.FAILED, "publish.send"), (Outcome.FAILED, "publish.send")),
        ({}, (), (TEXT,), FINE, (Outcome.FAILED, "publish.echo")),
        ({}, (TEXT,), (), (Outcome.FAILED, "join.send"), FINE),
        ({"echo": False}, (), (TEXT,), FINE, FINE),
        ({"echo": False}, (TEXT,), (TEXT,), FINE, (Outcome.FAILED, "publish.echo")),
        ({"reach": Reach.SELF}, (TEXT,), (), FINE, FINE),
        ({"reach": Reach.SELF}, (TEXT,), (TEXT,), (Outcome.FAILED, "publish.reach"), FINE),
        ({"reach": Reach.SELF}, (), (), FINE, (Outcome.FAILED, "publish.send")),
        ({"reach": Reach.SELF}, (), (TEXT,), (Outcome.FAILED, "publish.reach"), (Outcome.FAILED, "publish.reach")),
    ],
)
def test_who_gets_the_message_is_held_against_what_the_dialect_says(
    changes: dict[str, Any],
    own: tuple[str, ...],
    other: tuple[str, ...],
    delivery: tuple[Outcome, str | None],
    own_message: tuple[Outcome, str | None],
) -> None:
    """Both ways: what should come and does not, and what comes and should not."""
    judged, said = case(publishing(**changes)), talk(heard(*own), heard(*other))

    assert verdict(talking.delivered(judged, said)) == delivery
    assert verdict(talking.came_back(judged, said)) == own_message


def test_a_wrong_echo_is_said_in_words() -> None:
    """The sentence a user looks for."""
    step = talking.came_back(case(publishing(echo=False)), ALL_WELL)

    assert step.summary == "user 1 got its own message back although publish.echo is false"
    assert talking.came_back(case(), talk(heard(), heard(TEXT))).summary == (
        "user 1 did not get its own message back although publish.echo is true"
    )


def test_a_message_that_comes_twice_is_well_and_said() -> None:
    """It is the server's doing, and a run counts it."""
    step = talking.delivered(case(), talk(heard(TEXT), heard(TEXT, TEXT)))

    assert verdict(step) == FINE
    assert step.summary == "user 2 got the message of user 1, 2 times: a run counts the others as duplicates"
