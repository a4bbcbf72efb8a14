"""What processes tell one another comes out as it went in."""

from __future__ import annotations

from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News, Telling

PREFIX = marker.prefix_of("abc123")
ONE, TWO = (marker.write(PREFIX, Stamp(0, sequence, 10, 10)) for sequence in range(2))


def test_each_message_that_was_sent_and_acknowledged_is_told_once() -> None:
    """With its number in the room, from 0, where the server has told that."""
    telling = Telling()
    telling.sent(ONE)
    telling.sent(TWO)
    telling.acked(ONE, None)
    telling.acked(TWO, 0)
    news = telling.take(b"moves")

    assert list(news.each_sent()) == [ONE, TWO]
    assert list(news.each_acked()) == [(ONE, None), (TWO, 0)]
    assert news.moves == b"moves"
    assert not telling.take(b"")


def test_the_news_of_several_are_those_of_each_one_after_the_other() -> None:
    """All processes are told the same."""
    joined = News.joined([News(ONE, b"", b"a"), News(TWO, b"", b"b")])

    assert list(joined.each_sent()) == [ONE, TWO]
    assert joined.moves == b"ab"
