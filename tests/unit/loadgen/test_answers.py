"""Which message of each user waits for its answer, in a closed loop."""

from __future__ import annotations

from loadgen.engine.answers import Answers

MINE, OLD = b"marker-of-mine", b"marker-of-old-"


def listened_to(answers: Answers) -> list[tuple[int, int]]:
    """The answers it tells of from here on: (user, when)."""
    told: list[tuple[int, int]] = []
    answers.on_answer = lambda user, now_ns: told.append((user, now_ns))
    return told


def test_an_answer_is_told_once_with_its_time() -> None:
    """A second one, as from a server that sends twice, is of no interest."""
    answers = Answers()
    told = listened_to(answers)
    answers.await_for(3, MINE)
    assert answers.is_awaited(3, MINE)

    answers.came(3, MINE, 70)
    answers.came(3, MINE, 80)

    assert told == [(3, 70)]
    assert not answers.is_awaited(3, MINE)


def test_the_answer_to_an_old_message_or_to_another_user_is_of_no_interest() -> None:
    """The user has given it up, and waits for the next one."""
    answers = Answers()
    told = listened_to(answers)
    answers.await_for(3, OLD)
    answers.await_for(3, MINE)

    answers.came(3, OLD, 70)
    answers.came(4, MINE, 71)

    assert told == []
    assert answers.is_awaited(3, MINE)


def test_who_is_forgotten_waits_no_longer() -> None:
    """It has lost its socket; forgetting somebody who does not wait does nothing."""
    answers = Answers()
    told = listened_to(answers)
    answers.await_for(3, MINE)

    answers.forget(3)
    answers.forget(4)
    answers.came(3, MINE, 70)

    assert told == []


def test_a_message_that_comes_back_to_its_sender_is_the_answer() -> None:
    """Not at another user, and not where the books do not know it; the books hear of all."""
    answers = Answers()
    told = listened_to(answers)
    heard: list[tuple[int, bytes, int]] = []

    def receive(user: int, payload: bytes, now_ns: int) -> bool:
        heard.append((user, payload, now_ns))
        return b"marker" in payload

    noticing = answers.noticed_by(receive)
    answers.await_for(3, MINE)

    assert noticing(4, b"words " + MINE, 70)
    assert noticing(3, b"words " + OLD, 71)
    assert not noticing(3, b"pong", 72)
    assert told == []
    assert noticing(3, b"words " + MINE + b"}", 73)
    assert noticing(3, b"words " + MINE + b"}", 74)

    assert told == [(3, 73)]
    assert [now_ns for _, _, now_ns in heard] == [70, 71, 72, 73, 74]


def test_nobody_need_listen() -> None:
    """Before the loop begins, and after it has ended."""
    answers = Answers()
    answers.await_for(3, MINE)

    answers.came(3, MINE, 70)

    assert not answers.is_awaited(3, MINE)
