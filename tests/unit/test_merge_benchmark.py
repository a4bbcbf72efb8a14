"""What benchmarks.merge makes of its runs: whose words are whose, and what a row says."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from benchmarks.merge.restamping import SENDERS_EACH, restamped
from benchmarks.merge.table import Attempt, Leader, cost_of, held_to, line_of
from benchmarks.merge.words import Word, framed, is_news, load, read_messages, save
from loadgen.engine.wire import Finish, Hear, Stop, Tell, packed
from loadgen.measure import marker
from loadgen.measure.news import News

TOLD = {
    "cpu_ratio": 0.25,
    "snapshot_s": 0.005,
    "final_s": 0.5,
    "peak_rss_bytes": 80_000_000,
    "told_bytes": 10_000_000,
    "forwarded_bytes": 20_000_000,
    "deaths": [],
}
LENGTH_BYTES = 4


def test_what_was_saved_is_played_again(tmp_path: Path) -> None:
    """Word for word, after the same commands."""
    words = [Word(1, 5, b"a"), Word(2, 0, b"b" * 70_000)]
    save(words, tmp_path / "1.words")

    assert load(tmp_path / "1.words") == words


def test_messages_come_over_a_socket_as_they_were_sent() -> None:
    """However large; the end is when the other side hangs up."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(framed(b"one") + framed(b"") + framed(b"three"))
        theirs.shutdown(socket.SHUT_WR)

        assert list(read_messages(ours)) == [b"one", b"", b"three"]
    ours.close()


def test_a_player_knows_news_from_commands_without_reading_them() -> None:
    """News are not answered; a command that is taken for them would never be."""
    assert is_news(packed(Hear(News(b"x", b"")))[LENGTH_BYTES:])
    for command in (Finish(), Stop(0), Tell(News(b"Hear", b""))):
        assert not is_news(packed(command)[LENGTH_BYTES:][:60])


def test_each_worker_tells_of_senders_of_its_own() -> None:
    """With sound markers, which the master checks."""
    stamp = marker.Stamp(sender=3, sequence=7, due_ns=50, sent_ns=60)
    text = marker.write(marker.prefix_of("abc123"), stamp)
    news = restamped(News(text, text + b"%016x" % 12), 2)
    moved = stamp._replace(sender=3 + 2 * SENDERS_EACH)

    assert marker.read(news.sent) == moved
    assert (marker.read(news.acked[: marker.WIDTH]), news.acked[marker.WIDTH :]) == (moved, b"%016x" % 12)


def test_a_row_is_a_second_of_the_run() -> None:
    """What is told and handed on is by the second."""
    cost = cost_of(TOLD, seconds=10)

    assert (cost.told_bytes_per_s, cost.handed_on_bytes_per_s) == (1_000_000, 2_000_000)
    assert line_of(Attempt(Leader.COORDINATOR, 16, cost)).split() == [
        "coordinator",
        "16",
        "25.0",
        "5.0",
        "80",
        "1.00",
        "2.00",
        "0.50",
    ]


def test_what_failed_is_a_row_that_says_so_and_holds_no_aim() -> None:
    """No figure is better than a good one that was not measured."""
    failed = Attempt(Leader.COORDINATOR, 16, None, "it died")

    assert line_of(failed).endswith("FAILED: it died")
    assert {figure.held for figure in held_to([failed])} == {None}


def test_a_run_with_a_death_has_no_figures() -> None:
    """Sixty-three workers cost less than sixty-four."""
    with pytest.raises(ValueError, match="no good end"):
        cost_of(TOLD | {"deaths": ["killed by SIGKILL"]}, seconds=10)


def test_the_aims_are_of_16_and_64_workers() -> None:
    """A coordinator that takes half a core of 16 workers is good enough; one that takes more is not."""
    attempts = [
        Attempt(Leader.COORDINATOR, 16, cost_of(TOLD | {"cpu_ratio": 0.6}, 10)),
        Attempt(Leader.MASTER, 64, cost_of(TOLD | {"cpu_ratio": 0.9}, 10)),
    ]

    assert [figure.held for figure in held_to(attempts)] == [False, True, True]
