"""Which deliveries a fault befalls: drawn by a seed, or written in a list."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from target_app.dice import key_of, lot
from target_app.faults import CopiesPick, Delay, Pick


@dataclass(frozen=True, slots=True)
class Who:
    """A user, and the 64 bits that stand for its name in every draw."""

    name: str
    key: int


def who(name: str) -> Who:
    """Return a user as the draws know it."""
    return Who(name, key_of(name))


class Choice(Protocol):
    """A fault of single deliveries; the same answer whenever it is asked."""

    def times(self, message: int, receiver: Who) -> int:
        """How often it befalls this message on its way to this receiver; mostly 0."""


def choice(seed: int, kind: str, wanted: float | Iterable[Pick] | None) -> Choice | None:
    """Return what a faults file says of one kind; None where it says nothing."""
    if wanted is None:
        return None
    return Drawn(seed, kind, wanted) if isinstance(wanted, float) else Listed(wanted)


class Drawn:
    """Each delivery alike, with one probability."""

    def __init__(self, seed: int, kind: str, probability: float) -> None:
        self._stream = key_of(seed, kind)
        self._probability = probability

    def times(self, message: int, receiver: Who) -> int:
        return int(lot(self._stream, message, receiver.key) < self._probability)


class Listed:
    """These deliveries and no others."""

    def __init__(self, picks: Iterable[Pick]) -> None:
        self._times = {
            (pick.message, pick.receiver): pick.copies if isinstance(pick, CopiesPick) else 1 for pick in picks
        }

    def times(self, message: int, receiver: Who) -> int:
        return self._times.get((message, receiver.name), 0)


def drawn_delay(seed: int, kind: str, wanted: Delay | None) -> "DrawnDelay | None":
    """Return what a faults file says of one kind of delay; None where it says nothing."""
    return None if wanted is None else DrawnDelay(seed, kind, wanted)


class DrawnDelay:
    """How long each delivery takes."""

    def __init__(self, seed: int, kind: str, delay: Delay) -> None:
        self._stream = key_of(seed, kind)
        self._delay = delay

    def ns(self, number: int, receiver: Who) -> int:
        """Return the delay of one delivery; ``number`` is that of the message."""
        return self._delay.delay_ns(lot(self._stream, number, receiver.key))
