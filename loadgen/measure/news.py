"""What processes tell one another of their messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from loadgen.measure import marker

_NUMBER, _NUMBER_WIDTH = b"%016x", 16


@dataclass(frozen=True, slots=True)
class News:
    """What other processes must hear of one process's messages."""

    sent: bytes
    """Markers, one after the other."""
    acked: bytes
    """Markers, each followed by the message's number in its room and 1, 16 hexadecimal digits; 0: not told."""
    moves: bytes = b""
    """Who has come to which node of the server (:class:`loadgen.measure.nodes.Nodes`)."""

    def __bool__(self) -> bool:
        return bool(self.sent or self.acked or self.moves)

    @classmethod
    def joined(cls, several: Iterable[News]) -> Self:
        """Of several processes, or told one after the other."""
        several = tuple(several)
        return cls(
            b"".join(news.sent for news in several),
            b"".join(news.acked for news in several),
            b"".join(news.moves for news in several),
        )

    def each_sent(self) -> Iterator[bytes]:
        """The marker of each message that was sent."""
        return _records_in(self.sent, marker.WIDTH)

    def each_acked(self) -> Iterator[tuple[bytes, int | None]]:
        """The marker of each message that was acknowledged, and its number in its room, where that was told."""
        for record in _records_in(self.acked, marker.WIDTH + _NUMBER_WIDTH):
            number = int(record[marker.WIDTH :], 16)
            yield record[: marker.WIDTH], number - 1 if number else None


class Telling:
    """What one process has to tell since it was asked last."""

    def __init__(self) -> None:
        self._sent: list[bytes] = []
        self._acked: list[bytes] = []

    def sent(self, text: bytes) -> None:
        """A message with the marker ``text`` was sent."""
        self._sent.append(text)

    def acked(self, text: bytes, room_sequence: int | None) -> None:
        """It was acknowledged, and its number in the room was told, or not."""
        self._acked.append(text + _NUMBER % (0 if room_sequence is None else room_sequence + 1))

    def take(self, moves: bytes) -> News:
        """All of it, and who has come to which node."""
        news = News(b"".join(self._sent), b"".join(self._acked), moves)
        self._sent, self._acked = [], []
        return news


def _records_in(texts: bytes, width: int) -> Iterator[bytes]:
    return (texts[at : at + width] for at in range(0, len(texts), width))
