"""The stream of our page inside Locust's web UI: a greenlet for each page, and nothing kept for who is slow."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Protocol

import gevent
from gevent.event import Event

# As many as `chatbench run --web` has, and as patient with them.
MOST_ONLOOKERS = 64
SLOW_S = 5.0


class LiveFeed(Protocol):
    """What pages are told (reports/live/feed.py)."""

    number: int
    """Of the newest telling."""

    def whole(self) -> bytes:
        """All that a page needs which has seen nothing yet."""

    def event_after(self, seen: int | None) -> bytes:
        """The newest as an event, for a page that has seen telling number ``seen``, or nothing yet."""


class Streams:
    """The pages that listen."""

    def __init__(self, feed: LiveFeed) -> None:
        self.feed = feed
        self._onlooker_count = 0
        self._news = Event()

    @property
    def is_full(self) -> bool:
        """Whether one more is too many."""
        return self._onlooker_count >= MOST_ONLOOKERS

    def wake(self) -> None:
        """Something was told."""
        news, self._news = self._news, Event()
        news.set()

    def events(self) -> Iterator[bytes]:
        """What one page is sent, for as long as it reads; one that does not take an event in time is cut off."""
        seen: int | None = None
        self._onlooker_count += 1
        try:
            while True:
                news = self._news
                if seen != self.feed.number:
                    event, seen = self.feed.event_after(seen), self.feed.number
                    # The server sends it where we yield; this is an error that it knows, and says nothing of.
                    with gevent.Timeout(SLOW_S, ConnectionResetError(errno.ECONNRESET, "a slow reader")):
                        yield event
                else:
                    news.wait()
        finally:
            self._onlooker_count -= 1
