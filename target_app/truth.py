"""The truth log: what really happened to each message, one JSON line an event.

    {"truth": "chatbench.truth/1", "seed", "faults", "started_ns"}
    {"event": "message", "n", "id", "room", "from", "marker"?, "received_ns",
     "deliveries": {"to": [...], "sent_ns": [...], "copies": [...]},
     "dropped": [...], "swapped": [...], "gone": [...], "stray": [...]}
    {"event": "freeze", "from_ns", "to_ns"}                      {"event": "close", "at_ns", "users", "code", "reason"}
    {"event": "login_delayed", "user", "attempt", "from_ns", "to_ns"}
    {"event": "login_refused", "user", "attempt", "at_ns"}       {"event": "upgrade_hung", "user", "attempt", "at_ns"}
    {"event": "reads_slowly", "user", "at_ns", "bytes_per_s"}    {"event": "gone", "user", "at_ns", "code"}
    {"event": "end", "messages", "deliveries"}

All stamps are monotonic ns. A message has its line when nothing of it is under way any more. `sent_ns` is the
instant before the bytes were handed to the socket; `copies` counts what was sent beyond the first. `swapped` says who
was to get it late, whatever came of it; `gone` whose socket had closed, or who had left the room, before it was sent;
`stray` who got it and is not in the room. `gone` as an event is the end of a socket: code 1013 means that it read too
slowly, and what it had not read is lost.
A log without its `end` line was cut short.
"""

import contextlib
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

from target_app.faults import Faults

SCHEMA = "chatbench.truth/1"

# What chatbench stamps its texts with, so that our line can be laid beside its books.
_MARKER = re.compile(rb"cbm[0-9a-f]{66}")

log = logging.getLogger(__name__)


class TruthError(Exception):
    """The log cannot be written; the text says where and why."""


class Truth:
    """Writes the log, buffered; `flush` it from time to time and `close` it at the end."""

    def __init__(self, path: Path, faults: Faults, now_ns: int) -> None:
        self._path = path
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise TruthError(f"--truth {path}: cannot write: {error.strerror}") from error
        self._write({"truth": SCHEMA, "seed": faults.seed, "faults": faults.given(), "started_ns": now_ns})

    def tell(self, event: str, **fields: object) -> None:
        """Write one event."""
        self._write({"event": event, **fields})

    def flush(self) -> None:
        """Let others read what was written so far."""
        self._try(self._file.flush)

    def close(self) -> None:
        """Write nothing more."""
        self._try(self._file.close)

    def _write(self, fields: dict[str, object]) -> None:
        line = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
        self._try(lambda: self._file.write(line))

    def _try(self, deed: Callable[[], object]) -> None:
        if self._file.closed:
            return
        try:
            deed()
        except OSError as error:
            # The server goes on; the log lacks its end, which tells its readers.
            log.error("%s: cannot write: %s; the truth log ends here", self._path, error.strerror)
            # It tries to write once more, and is closed all the same.
            with contextlib.suppress(OSError):
                self._file.close()


def marker_in(frame: bytes) -> str | None:
    """Return the marker that chatbench put into a message; None without one."""
    found = _MARKER.search(frame)
    return None if found is None else found[0].decode()
