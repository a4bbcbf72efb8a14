"""The news of one worker, as another would have told them: of senders of its own. Pure."""

from __future__ import annotations

from loadgen.measure import marker
from loadgen.measure.marker import WIDTH
from loadgen.measure.news import News

# Further apart than the users of any worker that is recorded.
SENDERS_EACH = 1_000_000
# Behind the marker of a message that was acknowledged: its number in its room (loadgen/measure/news.py).
NUMBER_WIDTH = 16


def restamped(news: News, number: int) -> News:
    """The same news of other senders, as worker ``number`` would have them."""
    acked_width = len(news.acked) and WIDTH + NUMBER_WIDTH
    sent = [news.sent[at : at + WIDTH] for at in range(0, len(news.sent), WIDTH)]
    acked = [news.acked[at : at + acked_width] for at in range(0, len(news.acked), acked_width or 1)]
    return News(
        b"".join(other_sender(text, number) for text in sent),
        b"".join(other_sender(record[:WIDTH], number) + record[WIDTH:] for record in acked),
    )


def other_sender(text: bytes, number: int) -> bytes:
    """The marker of a user of another worker."""
    stamp = marker.read(text)
    assert stamp is not None, "workers write sound markers"
    return marker.write(text[: marker.PREFIX_WIDTH], stamp._replace(sender=stamp.sender + number * SENDERS_EACH))
