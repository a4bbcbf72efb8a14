"""The steps in which a dialect is tried, how each of them may go, and what all of them come to. Pure.

reach -> log in -> connect -> greeting -> join -> publish -> acknowledgement, delivery, own message, marker
      -> keep-alive -> close
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.budgets import ExitCode


class StepName(StrEnum):
    """What is tried, in order."""

    REACH = "reach"
    LOGIN = "log in"
    CONNECT = "connect"
    GREETING = "greeting"
    JOIN = "join"
    PUBLISH = "publish"
    ACK = "acknowledgement"
    DELIVERY = "delivery"
    OWN_MESSAGE = "own message"
    MARKER = "marker"
    ALIVE = "keep-alive"
    CLOSE = "close"


# Without these the next steps make no sense.
_FOUNDATIONS = frozenset(
    {StepName.REACH, StepName.LOGIN, StepName.CONNECT, StepName.GREETING, StepName.JOIN, StepName.PUBLISH}
)


class Outcome(StrEnum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    NOT_ASKED_FOR = "not asked for"


class Direction(StrEnum):
    """Who said it."""

    SENT = "->"
    CAME = "<-"


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was sent or came, fit to be shown; ``user`` counts from 1."""

    direction: Direction
    user: int
    text: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to try, and the key of the dialect file (or the flag) to look at; None where it is neither's fault."""

    key: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how it went, what was said meanwhile, and where it failed which key to look at and what to try."""

    name: StepName
    outcome: Outcome
    summary: str
    lines: tuple[Line, ...] = ()
    key: str | None = None
    advice: str | None = None
    nobody_got_in: bool = False
    """Whether nobody answers there, or every login was refused."""

    @property
    def is_the_end(self) -> bool:
        """Whether nothing after it makes sense."""
        return self.outcome is Outcome.FAILED and self.name in _FOUNDATIONS


def failed(name: StepName, summary: str, lines: tuple[Line, ...], advice: Advice) -> Step:
    """A step that failed, which never goes without advice."""
    return Step(name, Outcome.FAILED, summary, lines, advice.key, advice.text)


def exit_code_of(steps: Sequence[Step]) -> ExitCode:
    """What people script against: 106 where nobody got in, 97 where a step failed."""
    if any(step.nobody_got_in for step in steps):
        return ExitCode.UNREACHABLE
    return ExitCode.INVALID if any(step.outcome is Outcome.FAILED for step in steps) else ExitCode.PASS
