"""The workers that take part in a run, as its lead sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loadgen.engine.wire import Attended
from loadgen.locust_bridge.clocks import OURS, Offset
from loadgen.measure.record import Death, ProcessRecord


@dataclass(slots=True)
class Mate:
    """A worker that takes part."""

    id: str
    index: int
    """Of its share of the users."""
    swarm: ProcessRecord
    offset: Offset = OURS
    """How far its clock is ahead of ours."""
    helper: ProcessRecord | None = None
    """The Locust process around the swarm; None where that is the master itself."""
    attended: Attended = field(default_factory=lambda: Attended(0, 0, 0, 0))
    heard_ns: int = 0
    has_spoken: bool = False
    is_ready: bool = False
    is_done: bool = False
    """It has answered what it was asked last."""
    has_closed: bool = False
    leaving_ns: int | None = None
    """When it said that it is about to end."""
    is_dismissed: bool = False
    death: Death | None = None

    @property
    def is_alive(self) -> bool:
        return self.death is None and not self.has_closed


def hosts_of(crew: Sequence[Mate]) -> int:
    """On how many machines they are."""
    return max(1, len({mate.swarm.host for mate in crew}))
