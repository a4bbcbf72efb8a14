"""What is done to the servers, and when. Pure: chance is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

WORKERS, INSTANCES = 4, 2
# From the beginning of one to that of the next.
GAP_S = (5.0, 15.0)
FIRST_S = 3.0


class Deed(StrEnum):
    """What is done."""

    KILL_WORKER = "worker killed"
    FREEZE_WORKER = "worker frozen"
    KILL_INSTANCE = "server killed, with its workers"
    END_INSTANCE = "server ended in good order"
    KILL_REDIS = "Redis killed"
    FREEZE_REDIS = "Redis frozen"
    KILL_POSTGRES = "PostgreSQL killed"
    FREEZE_POSTGRES = "PostgreSQL frozen"


@dataclass(frozen=True, slots=True)
class _How:
    victims: int
    weight: int
    for_s: tuple[float, float]


# A worker is started again by the process above it, at once; a lease lasts 10 s, so some freezes outlast it.
_HOW = {
    Deed.KILL_WORKER: _How(WORKERS, 3, (0.0, 0.0)),
    Deed.FREEZE_WORKER: _How(WORKERS, 2, (1.0, 14.0)),
    Deed.KILL_INSTANCE: _How(INSTANCES, 2, (0.5, 4.0)),
    Deed.END_INSTANCE: _How(INSTANCES, 1, (0.5, 4.0)),
    Deed.KILL_REDIS: _How(1, 2, (0.2, 8.0)),
    Deed.FREEZE_REDIS: _How(1, 1, (1.0, 8.0)),
    Deed.KILL_POSTGRES: _How(1, 2, (0.2, 8.0)),
    Deed.FREEZE_POSTGRES: _How(1, 1, (1.0, 8.0)),
}


@dataclass(frozen=True, slots=True)
class Blow:
    """One deed; times in s, ``at_s`` from the start of the measured window."""

    at_s: float
    deed: Deed
    victim: int
    """Which worker or server, from 0."""
    for_s: float
    """How long until it may go on, or is started again."""


def blows(seed: int, until_s: float) -> Iterator[Blow]:
    """Yield those of a run in time, up to ``until_s``: each deed once, and then by chance."""
    random = Random(seed)
    first = list(Deed)
    random.shuffle(first)
    at_s = FIRST_S
    while at_s < until_s:
        deed = first.pop() if first else random.choices(list(_HOW), [how.weight for how in _HOW.values()])[0]
        how = _HOW[deed]
        yield Blow(at_s, deed, random.randrange(how.victims), random.uniform(*how.for_s))
        at_s += random.uniform(*GAP_S)
