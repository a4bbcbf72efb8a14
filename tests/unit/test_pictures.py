"""What the pictures of the documentation are made of: a run's document, and its server's truth log."""

from __future__ import annotations

import tomllib

import pytest

from benchmarks.pictures.__main__ import HANDBOOK, STORM_PICTURE, example_above
from benchmarks.pictures.telling import check_books, loop_of, most_telling
from reports.plots.measuring import Fate, OneMessage
from reports.truth import TruthError, read_truth
from tests.support.documents import a_document
from tests.support.truth_logs import MS, USERS, TruthLog

FIRST, SECOND, THIRD = USERS
DEADLINE_NS = 50 * MS


def told(log: TruthLog) -> dict[str, tuple[set[Fate], float | None]]:
    """The most telling message of a log: {user: (fates, ms)}."""
    message: OneMessage = most_telling(read_truth(log.lines), DEADLINE_NS)
    return {row.user: (set(row.fates), row.after_ms) for row in message.deliveries}


def test_each_receiver_of_a_message_has_its_fate() -> None:
    """Late from the deadline on, twice where there was an extra copy, lost where it was dropped."""
    log = TruthLog()
    deliveries = {"to": [FIRST, SECOND], "sent_ns": [log.started_ns + 60 * MS, log.started_ns + MS], "copies": [0, 1]}
    log.message(0, {FIRST: 60, SECOND: 1}, deliveries=deliveries, dropped=[THIRD])

    assert told(log) == {
        FIRST: ({Fate.LATE}, 60.0),
        SECOND: ({Fate.DUPLICATED}, 1.0),
        THIRD: ({Fate.LOST}, None),
    }


def test_a_message_that_came_after_a_later_one_is_reordered() -> None:
    """And the picture knows when the later one was there."""
    log = TruthLog()
    log.message(0, {FIRST: 20, SECOND: 1, THIRD: 1})
    log.message(5, {FIRST: 10, SECOND: 1, THIRD: 1})
    message = most_telling(read_truth(log.lines), DEADLINE_NS)

    assert [(set(row.fates), row.overtaken_ms) for row in message.deliveries] == [
        ({Fate.REORDERED}, 15.0),
        ({Fate.RECEIVED}, None),
        ({Fate.RECEIVED}, None),
    ]


def test_a_message_that_shows_more_kinds_of_trouble_tells_more() -> None:
    """One lost and one late beat two that were lost."""
    log = TruthLog()
    log.message(0, {FIRST: 1}, dropped=[SECOND, THIRD])
    log.message(100, {FIRST: 1, SECOND: 60}, dropped=[THIRD])
    log.message(200)

    assert told(log)[SECOND] == ({Fate.LATE}, 60.0)


def test_books_that_do_not_agree_make_no_picture() -> None:
    """It would show what the ledger has not seen."""
    log = TruthLog()
    log.message(0, {FIRST: 1, SECOND: 1}, dropped=[THIRD])
    truth = read_truth(log.lines)
    document = a_document()
    document["counters"] |= {"deliveries_lost": 1, "deliveries_duplicated": 0, "deliveries_reordered": 0}

    check_books(truth, document, DEADLINE_NS)
    document["counters"]["deliveries_lost"] = 0
    with pytest.raises(TruthError, match="1 deliveries were lost, and 0 were counted"):
        check_books(truth, document, DEADLINE_NS)


def test_who_waits_while_the_server_stands_still_is_counted() -> None:
    """What was sent just before, too: its answer does not come either."""
    log = TruthLog()
    for at_ms, after_ms in ((0, 1), (95, 910), (200, 805), (999, 2), (1_100, 1)):
        log.message(at_ms, dict.fromkeys(USERS, float(after_ms)))
    log.event("freeze", from_ns=log.started_ns + 100 * MS, to_ns=log.started_ns + 1_000 * MS)
    document = a_document()
    document["counters"]["messages_sent"] = 5
    loop = loop_of(read_truth(log.lines), document, "open loop", from_due=True)

    assert loop.waiting_count() == 3
    assert loop.frozen_s == (0.1, 1.0)
    assert loop.messages[1].tolist() == [1.0, 910.0, 805.0, 2.0, 1.0]


def test_a_server_that_never_stood_still_makes_no_picture() -> None:
    """There would be nothing to see."""
    log = TruthLog()
    log.message(0)

    with pytest.raises(TruthError, match="never stood still"):
        loop_of(read_truth(log.lines), a_document(), "open loop", from_due=True)


def test_the_picture_of_a_storm_is_of_the_example_above_it() -> None:
    """Whoever runs the example sees what the handbook shows."""
    example = tomllib.loads(example_above(HANDBOOK.read_text(encoding="utf-8"), STORM_PICTURE))

    assert [incident["kind"] for incident in example["incident"]] == ["reconnect_storm", "reconnect_storm"]
    with pytest.raises(ValueError, match=r"pictures/none\.png"):
        example_above("```toml\n```\n![](pictures/storm.png)", "pictures/none.png")
