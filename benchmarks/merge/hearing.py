"""``python -m benchmarks.merge.hearing``: what a worker takes to hear of a message of another. One line of JSON.

Its room has nobody here, so that this is all there is to do: what is heard of is booked, and settled when it is late.
Every worker hears of all messages whose rooms may be spread over several, however many workers there are.
"""

from __future__ import annotations

import json
import time

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.news import News
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Tally
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Share
from loadgen.plan.rooms import Rooms

ROUNDS = 100
# Twice a second is settled what was heard; each sender has said one thing meanwhile.
SENDERS = 500
PREFIX = marker.prefix_of("abc123")


def main() -> None:
    """Hear, settle, print."""
    ledger = Ledger(
        Rules(2 * SENDERS, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=NS_PER_S, share=Share(0, 2)),
        PREFIX,
        Tally(0),
    )
    ledger.measure(0, 10**15)
    told = [news_of_round(number) for number in range(ROUNDS)]
    began_s = time.process_time()
    for number, news in enumerate(told):
        ledger.hear(news)
        while ledger.settle((number + 1) * NS_PER_S):
            pass
        ledger.take_spreads()
    print(json.dumps({"us_per_message": (time.process_time() - began_s) * 1e6 / ROUNDS / SENDERS}))


def news_of_round(number: int) -> News:
    """A message of each user of the other process."""
    at_ns = number * NS_PER_S
    stamps = [marker.Stamp(2 * sender + 1, number, at_ns, at_ns) for sender in range(SENDERS)]
    return News(b"".join(marker.write(PREFIX, stamp) for stamp in stamps), b"")


if __name__ == "__main__":
    main()
