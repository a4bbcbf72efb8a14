"""Sessions: known for a while, held by one, bounded in number."""

import pytest

from target_app.sessions import Sessions
from target_app.settings import Limits

IDLE_S = 10
S = 1_000_000_000


@pytest.fixture
def sessions() -> Sessions[str]:
    return Sessions(Limits(idle_sessions=3, idle_session_s=IDLE_S))


def test_a_session_is_known_until_it_has_waited_too_long(sessions: Sessions[str]) -> None:
    """Nobody came for it."""
    session_id = sessions.create(0)

    assert sessions.knows(session_id, IDLE_S * S - 1)
    assert not sessions.knows(session_id, IDLE_S * S)
    assert len(sessions) == 0


def test_a_session_in_use_is_known_for_ever(sessions: Sessions[str]) -> None:
    """And waits again, for as long as at first, once it is left."""
    session_id = sessions.create(0)
    assert sessions.take(session_id, "ann") is None

    assert sessions.knows(session_id, 100 * IDLE_S * S)
    sessions.leave(session_id, "ann", 100 * IDLE_S * S)
    assert sessions.knows(session_id, 101 * IDLE_S * S - 1)
    assert not sessions.knows(session_id, 101 * IDLE_S * S)


def test_who_took_a_session_over_keeps_it_when_the_other_leaves(sessions: Sessions[str]) -> None:
    """The end of the first connection comes later than the beginning of the second."""
    session_id = sessions.create(0)
    sessions.take(session_id, "ann")

    assert sessions.take(session_id, "bob") == "ann"
    sessions.leave(session_id, "ann", 0)

    assert sessions.take(session_id, "cat") == "bob"


def test_one_session_too_many_costs_the_one_that_has_waited_longest(sessions: Sessions[str]) -> None:
    """The memory is bounded, and a newcomer is served all the same; those in use do not count."""
    held, oldest, *others = [sessions.create(n) for n in range(3)]
    sessions.take(held, "ann")
    others += [sessions.create(n) for n in range(3, 5)]

    assert not sessions.knows(oldest, 5)
    assert all(sessions.knows(session_id, 5) for session_id in [held, *others])
    assert len(sessions) == 4


def test_nobody_guesses_an_id(sessions: Sessions[str]) -> None:
    """128 bits by chance, which can stand in a path as they are."""
    ids = {sessions.create(0) for _ in range(100)}

    assert len(ids) == 100
    assert all(len(session_id) == 22 and session_id.replace("-", "").replace("_", "").isalnum() for session_id in ids)
