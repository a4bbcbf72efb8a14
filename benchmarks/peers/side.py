"""What a side is, and what one run of it has shown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from benchmarks.receive.sides import Load

# A client keeps up while it takes in so much of what is sent, and no more than so many seconds of it wait to be read.
KEPT_SHARE = 0.98
BACKLOG_LIMIT_S = 0.25
# One that sends for itself must have sent about as much as it was told to: distances may be random.
SENT_SHARE = 0.9
# A core without time left hides what waits inside the client.
FULL_CORE_RATIO = 0.98


class Ending(Enum):
    """How a client comes to its end."""

    BY_ITSELF = auto()
    SERVER_HANGS_UP = auto()
    IS_STOPPED = auto()
    """By a signal: it tells nothing that is needed."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a client says of itself; None is what it does not measure."""

    received: int | None = None
    """Deliveries of the messages sent in the window."""
    expected: int | None = None
    """None where the server publishes, and knows."""
    in_window_per_s: float | None = None
    """Deliveries, whenever they were sent. None where the client keeps no window of its own."""
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_us_per_delivery: float | None = None
    """Of its whole process tree in its own window."""
    worker_rss_bytes: int | None = None
    """Of the one process that holds the sockets, where there are others."""
    note: str = ""
    is_valid: bool = True
    """False where the client itself says that its figures cannot be believed."""


@dataclass(frozen=True, slots=True)
class Side:
    """One client."""

    name: str
    about: str
    """What it does with a delivery, in a few words."""
    command: Callable[[str, Load, Path], list[str]]
    """For the server's URL, a load, and a folder to write to."""
    told: Callable[[str, Path], Told] | None
    """Reads its output and its folder; raises BenchmarkError. None where it tells nothing."""
    missing: Callable[[], str | None]
    """What has to be installed; None where nothing has."""
    version: Callable[[], str]
    sends: bool = False
    """Whether it sends the messages itself; the server does it for the others."""
    ending: Ending = Ending.SERVER_HANGS_UP
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """One run; None is what was not measured."""

    cpu_us_per_delivery: float | None
    cpu_ratio: float | None
    """Of one core, in the window."""
    offered_per_s: float
    """Deliveries."""
    carried_per_s: float | None
    expected: int | None
    received: int | None
    kept_up: bool
    is_valid: bool
    p50_ms: float | None
    p99_ms: float | None
    rss_bytes: int | None
    """Of the whole tree, at its largest."""
    worker_rss_bytes: int | None
    ready_s: float | None
    """From the start of the client until the last of its sockets had joined."""
    connecting_s: float | None
    """From the first connection until then."""
    others_ratio: float | None
    """What everybody else on the machine took, in cores."""
    note: str


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen of a window from outside, the server publishing."""

    cpu_s: float
    seconds: float
    deliveries: int
    backlog_growth_bytes: int
    backlog_bytes: int
    frame_bytes: int

    @property
    def carried(self) -> float:
        """Deliveries that the client took off the network."""
        return self.deliveries - self.backlog_growth_bytes / self.frame_bytes

    @property
    def cpu_us_per_delivery(self) -> float | None:
        """None where nothing was carried."""
        return self.cpu_s * 1e6 / self.carried if self.carried > 0 else None

    @property
    def kept_up(self) -> bool:
        """Whether it could have gone on like this."""
        per_s = self.deliveries / self.seconds
        return (
            self.carried >= KEPT_SHARE * self.deliveries
            and self.backlog_bytes / self.frame_bytes <= BACKLOG_LIMIT_S * per_s
            and self.cpu_s / self.seconds < FULL_CORE_RATIO
        )


def has_all(told: Told, expected: int | None) -> bool:
    """Whether a client that counts has counted what it should; one that does not is believed."""
    if told.received is None or not expected:
        return told.received is None
    return told.received >= KEPT_SHARE * expected
