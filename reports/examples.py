"""What a report says of the examples: who did not get which message of whom, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reports import numbers

_DEEDS = {
    "lost": "{receiver} did not get {message}",
    "duplicated": "{receiver} got {message} more than once",
    "reordered": "{receiver} got {message} after a later one",
    "late": "{receiver} got {message} after the deadline",
    "unexpected": "{receiver} got {message}, which was not for it",
}


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """One delivery in words; ``at`` is when it was due, since the start of the run, ``rest`` what else is known."""

    kind: str
    what: str
    room: str
    at: str
    message_id: str
    rest: str


def example_table(document: dict[str, Any]) -> list[ExampleRow]:
    """The examples of a document, as they stand there; none in those of versions that had none."""
    return [_row(example) for example in document.get("examples") or []]


def a_few(rows: Sequence[ExampleRow], most: int = 5) -> list[ExampleRow]:
    """The first of each kind, and then the next of each, as long as there are no more than that."""
    seen: dict[str, int] = {}
    rounds: list[tuple[int, int]] = []
    for place, row in enumerate(rows):
        seen[row.kind] = seen.get(row.kind, 0) + 1
        rounds.append((seen[row.kind], place))
    return [rows[place] for place in sorted(place for _, place in sorted(rounds)[:most])]


def _row(example: dict[str, Any]) -> ExampleRow:
    kind = numbers.printable(example["kind"])
    receiver, sender = (_who(example, role) for role in ("receiver", "sender"))
    message = f"message {example['n']} of {sender}"
    return ExampleRow(
        kind=kind,
        what=_DEEDS.get(kind, "{receiver}: {message}").format(receiver=receiver, message=message),
        room="direct" if example.get("direct") else numbers.printable(example.get("room") or ""),
        at=_at(example["due_s"]),
        message_id=numbers.printable(example.get("message_id") or ""),
        rest="; ".join(_rest(example)),
    )


def _who(example: dict[str, Any], role: str) -> str:
    name = example.get(f"{role}_name")
    return f"user {example[role]}" if name is None else numbers.printable(name)


def _rest(example: dict[str, Any]) -> Iterator[str]:
    sent_s, received_s, seen_s = (example.get(name) for name in ("sent_s", "received_s", "last_seen_s"))
    if received_s is not None and sent_s is not None:
        yield f"{numbers.duration((received_s - sent_s) * 1000)} after it was sent"
    if example.get("acked") is not None:
        yield "the server had acknowledged it" if example["acked"] else "the server never acknowledged it"
    if example.get("seen") is False:
        yield "nobody got it"
    elif seen_s is not None and sent_s is not None:
        yield f"others got it, the last one after {numbers.duration((seen_s - sent_s) * 1000)}"


def _at(at_s: float) -> str:
    """An instant of a run, to the millisecond: it is to be found in a log."""
    return f"{at_s:,.3f} s"
