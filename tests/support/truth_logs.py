"""Truth logs as a faulty target would have written them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from loadgen.measure import marker
from loadgen.measure.marker import Stamp

MS, S = 10**6, 10**9
PREFIX = marker.prefix_of("1a2b3c")
USERS = ("user-000001", "user-000002", "user-000003")


@dataclass(slots=True)
class TruthLog:
    """A log in the making: messages at whole milliseconds, from one sender, to three users."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    started_ns: int = 1 * S
    _message_count: int = 0
    _delivery_count: int = 0

    def message(self, at_ms: int, sent_after_ms: dict[str, float] | None = None, **changes: Any) -> None:
        """A message due, sent and received at once, handed to each user so long after."""
        at_ns = self.started_ns + at_ms * MS
        after_ms = dict.fromkeys(USERS, 1.0) if sent_after_ms is None else sent_after_ms
        stamp = Stamp(0, self._message_count, at_ns, at_ns)
        entry = {
            "event": "message",
            "n": self._message_count,
            "id": "1",
            "room": "room-1",
            "from": USERS[0],
            "marker": marker.write(PREFIX, stamp).decode(),
            "received_ns": at_ns,
            "deliveries": {
                "to": list(after_ms),
                "sent_ns": [at_ns + round(ms * MS) for ms in after_ms.values()],
                "copies": [0] * len(after_ms),
            },
            "dropped": [],
            "swapped": [],
            "gone": [],
        }
        self._message_count += 1
        self._delivery_count += len(after_ms)
        self.entries.append(entry | changes)

    def event(self, event: str, **fields: Any) -> None:
        """Any other event."""
        self.entries.append({"event": event, **fields})

    @property
    def lines(self) -> list[str]:
        """The whole log, with its beginning and its end."""
        begin = {"truth": "chatbench.truth/1", "seed": 1, "faults": {}, "started_ns": self.started_ns}
        end = {"event": "end", "messages": self._message_count, "deliveries": self._delivery_count}
        return [json.dumps(entry) + "\n" for entry in (begin, *self.entries, end)]


def a_log(message_count: int = 3, every_ms: int = 10) -> TruthLog:
    """Messages so long after one another, a millisecond on the way to each of three users."""
    log = TruthLog()
    for number in range(message_count):
        log.message(number * every_ms)
    return log
