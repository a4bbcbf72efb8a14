"""All that is known of a run, while it lasts and afterwards. Instants are monotonic ns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from loadgen.measure.histogram import Histogram
from loadgen.measure.tally import Count, Tally
from loadgen.plan.plan import Plan


class Phase(StrEnum):
    """The parts of a run, in order; between the first three stands a barrier."""

    LOGIN = "login"
    CONNECT = "connect"
    JOIN = "join"
    WARMUP = "warmup"
    MEASURE = "measure"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Death:
    """A worker that did not live to the end."""

    pid: int
    how: str
    """As in "killed by SIGKILL"."""
    name: str | None = None
    """What it is called where a pid says too little: by Locust, of several hosts."""


class EndedEarly(StrEnum):
    """Why a run did not come to its planned end."""

    INTERRUPTED = "interrupted"
    LOGIN_REFUSED = "login_refused"
    NO_USER_READY = "no_user_ready"
    ALL_CONNECTIONS_LOST = "all_connections_lost"
    WORKER_DIED = "worker_died"
    """All of them; as long as one lives, it goes on."""
    BUDGET_BROKEN = "budget_broken"
    """As the user wanted it: --abort-on-fail."""
    OUT_OF_MEMORY = "out_of_memory"
    """The process that leads it was refused memory; of a worker, see :class:`Death`."""


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
    """User and system time since the process began; of its children, only those that have ended."""
    rss_bytes: int
    descriptor_count: int | None
    """Open files and sockets, up to ten seconds old where the kernel makes counting dear (Linux before 6.2)."""


@dataclass(frozen=True, slots=True)
class MachineReading:
    """The whole machine at one instant."""

    at_ns: int
    busy_ns: int
    """Time of all cores together, since the machine began, that was neither idle nor waiting for a disk.

    What a hypervisor took for others is part of it.
    """
    interrupt_ns: int
    """The part of ``busy_ns`` that was spent in interrupts and charged to no process; 0 where processes are charged."""
    core_count: int
    socket_memory_bytes: int | None
    """What the kernel holds in the buffers of all TCP sockets, within 1 MB a core; not the sockets themselves."""
    sockets_in_use: int | None
    """TCP sockets, in the network namespace we see."""


# CPU is counted in ticks of 10 ms: of a shorter window a single tick would be more than 5 %.
SHORTEST_WINDOW_NS = 200_000_000


@dataclass(slots=True)
class ProcessRecord:
    """A process and its readings: one each second, and one at either end of the measured window."""

    pid: int
    readings: list[Reading] = field(default_factory=list)
    window: list[Reading] = field(default_factory=list)
    loop_lag: Histogram = field(default_factory=Histogram)
    send_lateness: Histogram = field(default_factory=Histogram)
    """Of a worker, its own; the tally holds those of all workers together."""
    name: str | None = None
    """What it is called where a pid says too little."""
    host: str | None = None
    """The machine it is on, where that is not ours."""

    @property
    def window_cpu_ns(self) -> int | None:
        """CPU time used in the measured window; None where it was not read at both ends."""
        return None if len(self.window) < 2 else self.window[-1].cpu_ns - self.window[0].cpu_ns

    @property
    def window_cpu_ratio(self) -> float | None:
        """Share of one core used in the measured window; None where that was too short to tell."""
        used_ns = self.window_cpu_ns
        if used_ns is None:
            return None
        window_ns = self.window[-1].at_ns - self.window[0].at_ns
        return used_ns / window_ns if window_ns >= SHORTEST_WINDOW_NS else None

    @property
    def recent_cpu_ratio(self) -> float | None:
        """Share of one core used in the measured window so far, or else in the last second; None before it was read."""
        readings = [*self.window[:1], *self.readings[-1:]] if self.window else self.readings[-2:]
        if len(readings) < 2 or readings[1].at_ns - readings[0].at_ns < SHORTEST_WINDOW_NS:
            return None
        return (readings[1].cpu_ns - readings[0].cpu_ns) / (readings[1].at_ns - readings[0].at_ns)

    @property
    def last_cpu_ns(self) -> int:
        """The CPU time it was last seen with; 0 where it was never read."""
        return max((reading.cpu_ns for reading in (*self.readings[-1:], *self.window[-1:])), default=0)

    @property
    def peak_rss_bytes(self) -> int | None:
        """The most memory it was seen with."""
        return _highest(reading.rss_bytes for reading in (*self.readings, *self.window))

    @property
    def peak_descriptor_count(self) -> int | None:
        """The most files and sockets it was seen with."""
        return _highest(reading.descriptor_count for reading in (*self.readings, *self.window))


@dataclass(slots=True)
class MachineRecord:
    """The machine and its readings: one each second, and one at either end of the measured window."""

    readings: list[MachineReading] = field(default_factory=list)
    window: list[MachineReading] = field(default_factory=list)

    @property
    def window_cpu_ratio(self) -> float | None:
        """Share of all cores that was busy in the measured window; None where it was not read at both ends."""
        return None if len(self.window) < 2 else busy_cpu_ratio(self.window[0], self.window[-1])

    @property
    def peak_socket_memory_bytes(self) -> int | None:
        """The most memory that TCP sockets were seen with."""
        return _highest(reading.socket_memory_bytes for reading in (*self.readings, *self.window))

    @property
    def core_count(self) -> int | None:
        """None until it was read once."""
        return next((reading.core_count for reading in (*self.readings, *self.window)), None)


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
    companions: list[ProcessRecord] = field(default_factory=list)
    """Further processes of that server: other nodes, and what these have in common."""
    target_back_ns: int | None = None
    """When it served again after a restart of the plan."""
    handshake_headers: dict[str, str] = field(default_factory=dict)
    ended_early: EndedEarly | None = None
    deaths: list[Death] = field(default_factory=list)
    machine: MachineRecord = field(default_factory=MachineRecord)
    helpers: list[ProcessRecord] = field(default_factory=list)
    """Processes around the workers that offer no load themselves."""

    @property
    def processes(self) -> list[ProcessRecord]:
        """All that are ours: workers and their helpers, coordinator and own target."""
        return [*self.workers, *self.helpers, self.coordinator, *self.of_target]

    @property
    def of_target(self) -> list[ProcessRecord]:
        """All of our own target; none where the server is not ours."""
        return [] if self.target is None else [self.target, *self.companions]

    @property
    def others_cpu_ratio(self) -> float | None:
        """Share of all cores that processes which are not ours used in the measured window.

        None where the machine or one of our processes was not read at both ends. A server that we did not start is
        not ours, even where it runs on this machine.
        """
        window = self.machine.window
        used_ns = [process.window_cpu_ns for process in self.processes if process.host is None]
        known_ns = [used for used in used_ns if used is not None]
        if len(window) < 2 or len(known_ns) < len(used_ns):
            return None
        return others_cpu_ratio(window[0], window[-1], sum(known_ns))

    @property
    def origin_ns(self) -> int:
        """The start of the run."""
        return self.tally.origin_ns


def excuse_the_unknown(tally: Tally, user_count: int) -> None:
    """Close the books of a worker that died: what it took with it is no loss of the server's.

    ``user_count`` users were planned, though a worker that died before its first report has told nobody of its own.
    """
    counts = tally.counts
    for each in (counts, *(part.counts for part in tally.slices.values())):
        settled = each[Count.DELIVERIES_RECEIVED] + each[Count.DELIVERIES_LOST] + each[Count.DELIVERIES_EXCUSED]
        each[Count.DELIVERIES_EXCUSED] += each[Count.DELIVERIES_EXPECTED] - settled
    untold = user_count - counts[Count.USERS_PLANNED]
    counts[Count.USERS_PLANNED] += untold
    counts[Count.CONNECTIONS_PLANNED] += untold


def busy_cpu_ratio(before: MachineReading, after: MachineReading) -> float:
    """Share of all cores (0 to 1) that was busy between two readings."""
    return _share_of_cores(after.busy_ns - before.busy_ns, before, after)


def others_cpu_ratio(before: MachineReading, after: MachineReading, ours_ns: float) -> float:
    """Share of all cores (0 to 1) that was busy between two readings and neither ours nor in interrupts.

    ``ours_ns`` is the CPU time of all our processes meanwhile. Interrupts that no process is charged with are left out,
    since under load they are mostly the network's work for our own sockets.
    """
    interrupt_ns = after.interrupt_ns - before.interrupt_ns
    return _share_of_cores(after.busy_ns - before.busy_ns - interrupt_ns - ours_ns, before, after)


def _share_of_cores(used_ns: float, before: MachineReading, after: MachineReading) -> float:
    # The kernel counts a core's busy time in ticks of 10 ms and a process's in nanoseconds, and we read one after the
    # other: where nothing or all is used, the figures come out a little below or above it.
    return min(1.0, max(0.0, used_ns / ((after.at_ns - before.at_ns) * after.core_count)))


def _highest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
