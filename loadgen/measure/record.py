"""All that is known of a run, while it lasts and afterwards. Instants are monotonic ns."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from loadgen.measure.tally import Tally
from loadgen.plan.plan import Plan


class Phase(StrEnum):
    """The parts of a run, in order; between the first three stands a barrier."""

    LOGIN = "login"
    CONNECT = "connect"
    JOIN = "join"
    WARMUP = "warmup"
    MEASURE = "measure"
    DRAIN = "drain"


class EndedEarly(StrEnum):
    """Why a run did not come to its planned end."""

    INTERRUPTED = "interrupted"
    LOGIN_REFUSED = "login_refused"
    NO_USER_READY = "no_user_ready"
    ALL_CONNECTIONS_LOST = "all_connections_lost"
    WORKER_DIED = "worker_died"


@dataclass(slots=True)
class PhaseSpan:
    """A phase and its time; ``end_ns`` is None while it lasts."""

    phase: Phase
    start_ns: int
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One process at one instant."""

    at_ns: int
    cpu_ns: int
    """User and system time since the process began."""
    rss_bytes: int


@dataclass(slots=True)
class ProcessRecord:
    """A process and its readings: one each second, and one at either end of the measured window."""

    pid: int
    readings: list[Reading] = field(default_factory=list)
    window: list[Reading] = field(default_factory=list)

    @property
    def window_cpu_ns(self) -> int | None:
        """CPU time used in the measured window; None where it was not read at both ends."""
        return None if len(self.window) < 2 else self.window[-1].cpu_ns - self.window[0].cpu_ns

    @property
    def window_cpu_ratio(self) -> float | None:
        """Share of one core used in the measured window."""
        used_ns = self.window_cpu_ns
        return None if used_ns is None else used_ns / (self.window[-1].at_ns - self.window[0].at_ns)

    @property
    def peak_rss_bytes(self) -> int | None:
        """The most memory it was seen with."""
        return max((reading.rss_bytes for reading in (*self.readings, *self.window)), default=None)


@dataclass(slots=True)
class Record:
    """A run of a plan."""

    plan: Plan
    tally: Tally
    coordinator: ProcessRecord
    phases: list[PhaseSpan] = field(default_factory=list)
    workers: list[ProcessRecord] = field(default_factory=list)
    target: ProcessRecord | None = None
    """Where the server is ours to watch."""
    handshake_headers: dict[str, str] = field(default_factory=dict)
    ended_early: EndedEarly | None = None

    @property
    def origin_ns(self) -> int:
        """The start of the run."""
        return self.tally.origin_ns
