"""How the sockets of a run ended, as the document tells it, and in the words of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from loadgen.measure.closes import END, OTHER_CODE, Close, Closer
from loadgen.measure.incident_tally import NO_CLOSE_FRAME
from reports import numbers

# More rows than this nobody reads; what is rarer is put together.
_MOST_ROWS = 30

# RFC 6455, 7.4.1, and IANA's registry of close codes.
_MEANINGS = {
    1000: "closed in good order",
    1001: "going away: it shuts down, or sends its users elsewhere",
    1002: "a frame broke the protocol",
    1003: "data of a kind that it does not take",
    1005: "closed without a code",
    1007: "text that is not UTF-8",
    1008: "against its policy; of many servers: the token is not valid, or not any more",
    1009: "a message that is too big",
    1010: "an extension that was asked for is missing",
    1011: "an error within the server",
    1012: "the server restarts",
    1013: "try again later: overloaded",
    1014: "a gateway got no good answer from the server behind it",
    1015: "the TLS handshake failed",
    3000: "not authorised",
    3003: "forbidden",
    3008: "a timeout",
}


@dataclass(frozen=True, slots=True)
class CloseRow:
    """So many sockets ended so."""

    code: str
    who: str
    phase: str
    count: str
    meaning: str


def figures_of(closes: Counter[Close]) -> list[dict[str, Any]]:
    """The closes of a run, the most frequent first; what is beyond the first ones has no code, phase or closer."""
    rows = sorted(closes.items(), key=lambda each: (-each[1], each[0]))
    told: list[dict[str, Any]] = [
        {
            "code": None if close.code == OTHER_CODE else close.code,
            "phase": close.phase,
            "count": count,
            "who": str(close.who),
        }
        for close, count in rows[:_MOST_ROWS]
    ]
    if rest := sum(count for _, count in rows[_MOST_ROWS:]):
        told.append({"code": None, "phase": None, "count": rest, "who": None})
    return told


def close_table(document: dict[str, Any]) -> Iterator[CloseRow]:
    """The closes of a document; none in those of versions that did not tell."""
    for told in document.get("closes") or []:
        code, who, phase = told.get("code"), told.get("who"), told.get("phase")
        yield CloseRow(
            code="others" if code is None else str(code),
            who=numbers.printable(who or ""),
            phase=numbers.printable(phase or ""),
            count=numbers.count(told["count"]),
            meaning=_meaning(code, who, phase),
        )


def _meaning(code: int | None, who: str | None, phase: str | None) -> str:
    if code is None:
        return "other codes, each of them rare"
    if who == Closer.US and code == NO_CLOSE_FRAME:
        answer = (
            "the server had not answered our close in time" if phase == END else "by the plan, or it did not get in"
        )
        return f"cut by us: {answer}"
    if who == Closer.US:
        return "closed by us: " + ("the run was over" if phase == END else "the user left")
    if code == NO_CLOSE_FRAME:
        return "no close frame: the network broke, or the server died or hung up"
    if code in _MEANINGS:
        return _MEANINGS[code]
    return "a code of the application's own" if 4000 <= code < 5000 else "a code of a library or framework"
