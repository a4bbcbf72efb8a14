"""The truth log of a faulty target: what it did with every message, as it wrote it down itself.

A log that cannot be trusted is refused, never mended: one that is cut short, whose counts do not fit, or whose clock
runs backwards. Instants are monotonic ns of the machine, the generator's own clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from loadgen.errors import BenchError
from loadgen.measure import marker
from loadgen.measure.marker import Stamp

SCHEMA = "chatbench.truth/1"


class TruthError(BenchError):
    """The log says less than the truth, or contradicts itself; the text names the line."""


@dataclass(frozen=True, slots=True)
class TrueMessage:
    """One message and what became of it; ``receivers``, ``sent_ns`` and ``extra_copies`` belong together, one each."""

    number: int
    """Which message of the target's life it was, from 0."""
    stamp: Stamp | None
    """What the generator wrote into it; None for a message of somebody else."""
    received_ns: int
    receivers: tuple[str, ...]
    sent_ns: tuple[int, ...]
    """When each delivery, the first copy of it, was handed to the kernel."""
    extra_copies: tuple[int, ...]
    """How often each was sent beyond that."""
    dropped: tuple[str, ...]
    """Who must have got it and was never sent it."""
    gone: tuple[str, ...]
    """Whose socket was gone when their turn came, or when the target ended."""
    stray: tuple[str, ...] = ()
    """Who got it, and is not in the room."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time for which the whole target stood still."""

    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Departure:
    """The end of a user's socket, as the target saw it."""

    user: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Truth:
    """A whole log."""

    messages: tuple[TrueMessage, ...]
    """In the order of their numbers."""
    freezes: tuple[Freeze, ...]
    departures: tuple[Departure, ...]


def read_truth(lines: Iterable[str]) -> Truth:
    """The log in ``lines``; TruthError where it cannot be trusted."""
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        reader.take(number, line)
    return reader.truth()


class _Reader:
    def __init__(self) -> None:
        self._line_count = 0
        self._started_ns: int | None = None
        self._messages: list[TrueMessage] = []
        self._freezes: list[Freeze] = []
        self._departures: list[Departure] = []
        self._end: dict[str, Any] | None = None

    def take(self, number: int, line: str) -> None:
        """Read one line, counted from 1."""
        self._line_count = number
        if not line.endswith("\n"):
            raise TruthError(f"truth log, line {number}: cut short in the middle of the line")
        try:
            self._understand(json.loads(line))
        except TruthError as error:
            raise TruthError(f"truth log, line {number}: {error}") from None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise TruthError(f"truth log, line {number}: not a line of {SCHEMA}: {error!r}") from None

    def _understand(self, entry: dict[str, Any]) -> None:
        if self._started_ns is None:
            if entry.get("truth") != SCHEMA:
                raise TruthError(f'expected "truth": "{SCHEMA}", got {json.dumps(entry.get("truth"))}')
            self._started_ns = int(entry["started_ns"])
            return
        if self._end is not None:
            raise TruthError("something stands behind the end")
        match entry["event"]:
            case "message":
                self._messages.append(_message(entry, self._started_ns))
            case "freeze":
                self._freezes.append(_freeze(entry))
            case "gone":
                self._departures.append(Departure(entry["user"], entry["at_ns"]))
            case "end":
                self._end = entry

    def truth(self) -> Truth:
        """All that was read, held against what the log says of itself."""
        if self._end is None:
            raise TruthError(f'truth log: cut short: {self._line_count:,} lines, and no "end" among them')
        messages = sorted(self._messages, key=lambda message: message.number)
        for what, told, found in (
            ("messages", self._end["messages"], len(messages)),
            ("deliveries", self._end["deliveries"], sum(len(message.receivers) for message in messages)),
        ):
            if told != found:
                raise TruthError(f"truth log: cut short: its end tells of {told:,} {what}, and it holds {found:,}")
        if [message.number for message in messages] != list(range(len(messages))):
            raise TruthError("truth log: the numbers of its messages have gaps, or stand there twice")
        for before, after in pairwise(messages):
            if after.received_ns < before.received_ns:
                raise _backwards(f"message {after.number} was received before message {before.number}", "truth log: ")
        return Truth(tuple(messages), tuple(self._freezes), tuple(self._departures))


def _message(entry: dict[str, Any], started_ns: int) -> TrueMessage:
    deliveries = entry["deliveries"]
    receivers, sent_ns, extra_copies = deliveries["to"], deliveries["sent_ns"], deliveries["copies"]
    if not len(receivers) == len(sent_ns) == len(extra_copies):
        raise TruthError(
            f"cut short: {len(receivers)} receivers, {len(sent_ns)} times and {len(extra_copies)} counts of copies"
        )
    text = entry.get("marker")
    message = TrueMessage(
        number=int(entry["n"]),
        stamp=None if text is None else marker.read(text.encode()),
        received_ns=int(entry["received_ns"]),
        receivers=tuple(receivers),
        sent_ns=tuple(sent_ns),
        extra_copies=tuple(extra_copies),
        dropped=tuple(entry["dropped"]),
        gone=tuple(entry["gone"]),
        stray=tuple(entry.get("stray", ())),
    )
    _check_clock(message, started_ns)
    return message


def _check_clock(message: TrueMessage, started_ns: int) -> None:
    """The log begins, the generator sends, the target receives, the target sends on: none before the one before."""
    name = f"message {message.number}"
    if message.received_ns < started_ns:
        raise _backwards(f"{name} was received before the log was begun")
    if message.stamp is not None and message.received_ns < message.stamp.sent_ns:
        raise _backwards(f"{name} was received before it was sent")
    if message.sent_ns and min(message.sent_ns) < message.received_ns:
        raise _backwards(f"{name} was sent on before it was received")


def _freeze(entry: dict[str, Any]) -> Freeze:
    freeze = Freeze(entry["from_ns"], entry["to_ns"])
    if freeze.to_ns < freeze.from_ns:
        raise _backwards("a freeze ended before it began")
    return freeze


def _backwards(what: str, where: str = "") -> TruthError:
    return TruthError(f"{where}its clock goes backwards: {what}")
