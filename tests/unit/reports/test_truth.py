"""A truth log is read exactly, or refused: what it does not say is never guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reports.truth import Departure, Freeze, TruthError, read_truth
from tests.support.truth_logs import MS, USERS, S, a_log


def refusal_of(lines: list[str]) -> str:
    """Why a log is refused."""
    with pytest.raises(TruthError) as refused:
        read_truth(lines)
    return str(refused.value)


def changed(lines: list[str], line: int, **changes: Any) -> list[str]:
    """The log with one line, counted from 0, changed."""
    return [*lines[:line], json.dumps(json.loads(lines[line]) | changes) + "\n", *lines[line + 1 :]]


def test_every_message_is_there_with_what_became_of_it() -> None:
    """Stamp, receivers, times and copies, in the order of the target's numbers."""
    log = a_log(1)
    log.message(20, {USERS[1]: 2.0}, dropped=[USERS[0]], gone=[USERS[2]])
    log.event("freeze", from_ns=2 * S, to_ns=3 * S)
    log.event("gone", user=USERS[2], at_ns=4 * S, code=1000)
    lines = log.lines
    lines[1], lines[2] = lines[2], lines[1]  # a message has its line when nothing of it is under way any more

    truth = read_truth(lines)

    first, second = truth.messages
    assert (first.receivers, first.extra_copies) == (USERS, (0, 0, 0))
    assert second.stamp is not None
    assert second.stamp.sent_ns == second.received_ns == 1 * S + 20 * MS
    assert second.sent_ns == (1 * S + 22 * MS,)
    assert (second.dropped, second.gone) == ((USERS[0],), (USERS[2],))
    assert truth.freezes == (Freeze(2 * S, 3 * S),)
    assert truth.departures == (Departure(USERS[2], 4 * S),)


def test_events_that_we_know_nothing_of_are_passed_over() -> None:
    """A target may learn to tell more."""
    log = a_log()
    log.event("login_refused", user=USERS[0], attempt=0, at_ns=2 * S)

    assert len(read_truth(log.lines).messages) == 3


def test_a_message_of_somebody_else_has_no_stamp() -> None:
    """Whoever else talks to the target is not the generator; a damaged marker is no stamp either."""
    log = a_log(1)
    del log.entries[0]["marker"]
    log.message(10, marker="cbm" + "0" * 66)

    assert [message.stamp for message in read_truth(log.lines).messages] == [None, None]


@pytest.mark.parametrize("kept", [0, 1, 2, 4])
def test_a_log_without_its_end_is_refused(kept: int) -> None:
    """The target did not come to its orderly end, and whatever followed is missing."""
    assert "cut short" in refusal_of(a_log().lines[:kept])


def test_a_log_that_ends_in_the_middle_of_a_line_is_refused() -> None:
    """A disk was full, or the target was killed; the line is named."""
    lines = a_log().lines

    assert refusal_of([*lines[:2], lines[2][:40]]) == "truth log, line 3: cut short in the middle of the line"


def test_counts_that_do_not_fit_are_refused() -> None:
    """What is missing in the middle shows at the end."""
    lines = a_log().lines

    assert "its end tells of 3 messages, and it holds 2" in refusal_of([*lines[:2], *lines[3:]])
    assert "its end tells of 8 deliveries, and it holds 9" in refusal_of(changed(lines, 4, deliveries=8))
    assert "cut short: 3 receivers, 2 times" in refusal_of(
        changed(lines, 1, deliveries={"to": list(USERS), "sent_ns": [2 * S, 2 * S], "copies": [0, 0, 0]})
    )


def test_numbers_of_messages_have_no_gaps() -> None:
    """Each is there once."""
    assert "gaps, or stand there twice" in refusal_of(changed(a_log().lines, 2, n=0, received_ns=1 * S + 10 * MS))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"received_ns": 1 * S - 1}, "message 1 was received before the log was begun"),
        ({"received_ns": 1 * S + 10 * MS - 1}, "message 1 was received before it was sent"),
        ({"received_ns": 1 * S + 12 * MS}, "message 1 was sent on before it was received"),
    ],
)
def test_a_clock_that_goes_backwards_is_said(changes: dict[str, Any], what: str) -> None:
    """One clock cannot do that, so no time of the log is worth anything."""
    assert refusal_of(changed(a_log().lines, 2, **changes)) == f"truth log, line 3: its clock goes backwards: {what}"


def test_messages_are_received_in_the_order_of_their_numbers() -> None:
    """A later one cannot have come earlier."""
    log = a_log(1)
    log.started_ns -= 5 * MS
    log.message(0)

    assert "message 1 was received before message 0" in refusal_of(log.lines)


def test_a_freeze_does_not_end_before_it_begins() -> None:
    """Nor does anything else."""
    log = a_log()
    log.event("freeze", from_ns=3 * S, to_ns=2 * S)

    assert "a freeze ended before it began" in refusal_of(log.lines)


@pytest.mark.parametrize(
    "line", ["[]\n", "nonsense\n", '{"truth": "chatbench.truth/2", "started_ns": 1}\n', '{"event": "end"}\n']
)
def test_another_file_is_no_truth_log(line: str) -> None:
    """The first line says what it is."""
    assert refusal_of([line]).startswith("truth log, line 1: ")


def test_nothing_stands_behind_the_end() -> None:
    """Two logs in one file are none."""
    lines = a_log().lines

    assert "behind the end" in refusal_of([*lines, lines[1]])


@pytest.mark.parametrize("key", ["n", "received_ns", "deliveries", "dropped", "gone"])
def test_a_message_that_lacks_something_is_refused(key: str) -> None:
    """What is not there is not taken for nothing."""
    log = a_log()
    del log.entries[1][key]

    assert refusal_of(log.lines).startswith("truth log, line 3: not a line of chatbench.truth/1")
