"""What a calibration finds: a record for each kind of run, and all of them together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999}


class Fault(StrEnum):
    """What is injected, and counted."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True)
class Setting:
    """How one run was set up."""

    name: str
    delay: str
    """How the target delays deliveries, in words."""
    processes: int
    transport: str
    users: int
    rate_per_s: float
    """Messages a second; each goes to a whole room."""
    rooms: int
    """Of equal size. A room of 10 is told in 0.1 ms; in a larger one, who is told first waits to be read."""
    ceiling_ratio: float | None = None
    """The load as a share of what the slower side can carry; None where it was not chosen by that."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The way of the same deliveries between programs that do nothing else; None where too few were sent."""

    processes: int
    """That read them."""
    messages_per_s: float
    """As many as in the runs that it is for."""
    p50_us: float | None
    p90_us: float | None
    p99_us: float | None
    p99_9_us: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One quantile of the service time in one run, or the middle of three where the first was too far off."""

    run: str
    delay: str
    processes: int
    transport: str
    deliveries_per_s: float
    ceiling_ratio: float | None
    quantile: str
    injected_ms: float
    measured_ms: float
    error_us: float
    error_ratio: float
    floor_us: float | None
    allowed_us: float
    within: bool
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Burst:
    """How much later we have what is sent to a whole room at once; stated, and not judged.

    While a server writes to a thousand sockets in a row, those at the front wait for us to read them. It is the time
    of our own reading, so it belongs to us, and lasts as long as the burst.
    """

    transport: str
    receivers: int
    error_p50_us: float
    error_p99_us: float | None


@dataclass(frozen=True, slots=True)
class Blamed:
    """A run that must be too much for one side."""

    run: str
    expected: str
    """Whose limit it was, and whether its figures can be believed then: "invalid, generator" or "valid, server"."""
    found: str
    held: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """One kind of fault in one run."""

    run: str
    processes: int
    transport: str
    fault: Fault
    injected: int
    counted: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Frozen:
    """A run in which the target stood still."""

    frozen_ms: float
    window_s: float
    delivery_p95_ms: float | None
    service_p95_ms: float | None
    lost: int
    held: bool
    """Whether the stall is seen in the delivery time, and no message was lost."""


@dataclass(frozen=True, slots=True)
class Load:
    """One step of the search for the generator's ceiling."""

    rate_per_s: float
    deliveries_per_s: float | None
    send_lateness_p99_ms: float | None
    loop_lag_p99_ms: float | None
    cpu_ratio: float | None
    carried: bool
    """Whether the generator kept its schedule and its core was not full."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What one process of the generator can carry here, against a server that is faster than it."""

    deliveries_per_s_per_process: float | None
    messages_per_s_per_process: float | None
    connects_per_s: float | None
    sockets_per_process: int | None
    """So many were opened, and talked; there may be room for more."""
    target_deliveries_per_s: float | None
    """What the faulty target can carry: what arrived when its core was full."""
    curve: tuple[Load, ...] = ()


@dataclass(frozen=True, slots=True)
class Jitter:
    """How exactly the generator keeps time at half of its ceiling; and what reading the clock costs."""

    rate_per_s: float | None
    send_lateness_p99_ms: float | None
    loop_lag_p99_ms: float | None
    clock_read_ns: float


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a calibration has found; what it did not get to is None or missing."""

    created_at: str
    """RFC 3339."""
    quick: bool
    machine: dict[str, Any]
    """What makes this machine this machine; figures of another are not comparable."""
    ceiling: Ceiling
    jitter: Jitter
    accuracy: tuple[Accuracy, ...]
    counts: tuple[Counted, ...]
    freeze: Frozen | None
    others_cpu_ratio: float | None
    """What others used of this machine meanwhile, as a share of all cores."""
    floors: tuple[Floor, ...] = ()
    bursts: tuple[Burst, ...] = ()
    blamed: tuple[Blamed, ...] = ()
    troubles: tuple[str, ...] = ()
    """Runs that gave nothing to compare, and why."""

    def floor_of(self, setting: Setting) -> Floor | None:
        """For a run of as many processes and messages; None where it was not measured."""
        load = setting.processes, setting.rate_per_s
        return next((floor for floor in self.floors if (floor.processes, floor.messages_per_s) == load), None)


def label_of(quantile: str) -> str:
    """A quantile's name as people write it."""
    return quantile.replace("_", ".")
