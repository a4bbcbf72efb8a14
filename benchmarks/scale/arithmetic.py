"""From what one process was measured to carry to what a crowd takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from benchmarks.scale.measured import USABLE_CPU_RATIO, Measured
from loadgen.engine.limits import SPARE_FILES
from scenarios.machine import connections_per_node

# Linux's range of ephemeral ports, 32768 to 60999: one connection each from one address to one port of a server. A run
# leaves some of them to others.
PORTS_PER_PAIR = connections_per_node(28_232)
# Headers of Ethernet, IPv4 and TCP with timestamps, where each delivery travels alone; in bursts it is less.
HEADER_BYTES = 14 + 20 + 32
BITS = 8


@dataclass(frozen=True, slots=True)
class Crowd:
    """What is wanted."""

    sockets: int
    deliveries_per_socket_per_s: float


@dataclass(frozen=True, slots=True)
class Machine:
    """What each machine of the crowd has; one process of load on each core."""

    cores: int
    open_files: int
    """``ulimit -Hn``, of each process."""
    memory_bytes: int
    pairs: int = 1
    """Of a source address of the machine with an address and port of the server."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Something of which a machine has only so much."""

    name: str
    sockets: int | None
    """How many sockets a machine has when it bites; None: not measured."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a crowd takes; None is what does not follow from what was measured."""

    crowd: Crowd
    processes: int | None
    machines: int | None
    first_limit: str | None
    memory_bytes: float | None
    """Of all processes of load, and of the kernel's buffers for them."""
    network_bits_per_s: float | None
    pairs: int
    """Of source addresses with addresses and ports of the server, in all."""
    entrance_s: float | None
    """Logins and connections of all, one after the other, as fast as the processes can."""


def sockets_by_cpu(measured: Measured, deliveries_per_socket_per_s: float) -> int | None:
    """How many sockets a core receives for, in USABLE_CPU_RATIO of it."""
    if measured.crowd_deliveries_per_s is None or not measured.crowd_cpu_ratio:
        return None
    per_s = measured.crowd_deliveries_per_s / measured.crowd_cpu_ratio * USABLE_CPU_RATIO
    return int(per_s / deliveries_per_socket_per_s) if deliveries_per_socket_per_s else None


def bytes_per_socket(measured: Measured) -> float | None:
    """Of the process and of the kernel; what the process takes without sockets is in it."""
    if measured.worker_rss_bytes is None or not measured.socket_count or measured.kernel_bytes_per_socket is None:
        return None
    return measured.worker_rss_bytes / measured.socket_count + measured.kernel_bytes_per_socket


def limits(measured: Measured, machine: Machine, deliveries_per_socket_per_s: float) -> list[Limit]:
    """What limits a machine, the first to bite first; what was not measured comes last."""
    each = bytes_per_socket(measured)
    tried = measured.socket_count
    found = [
        Limit("tried in a process", None if tried is None else int(tried) * machine.cores),
        Limit("open files", (machine.open_files - SPARE_FILES) * machine.cores),
        Limit("ephemeral ports", machine.pairs * PORTS_PER_PAIR),
        Limit("memory", None if each is None else int(machine.memory_bytes / each)),
    ]
    if deliveries_per_socket_per_s:
        by_cpu = sockets_by_cpu(measured, deliveries_per_socket_per_s)
        found.append(Limit("CPU", None if by_cpu is None else by_cpu * machine.cores))
    return sorted(found, key=lambda limit: (limit.sockets is None, limit.sockets or 0))


def need_of(measured: Measured, machine: Machine, crowd: Crowd) -> Need:
    """What a crowd takes on machines like this one."""
    bite = limits(measured, machine, crowd.deliveries_per_socket_per_s)
    is_known = all(limit.sockets is not None for limit in bite)
    first = bite[0]
    machines = ceil(crowd.sockets / first.sockets) if is_known and first.sockets else None
    processes = None if machines is None else max(machines, _processes(measured, machine, crowd))
    each = bytes_per_socket(measured)
    return Need(
        crowd,
        processes=processes,
        machines=machines,
        first_limit=first.name if is_known else None,
        memory_bytes=None if each is None else each * crowd.sockets,
        network_bits_per_s=network_bits_per_s(measured, crowd),
        pairs=ceil(crowd.sockets / PORTS_PER_PAIR),
        entrance_s=entrance_s(measured, crowd, processes),
    )


def _processes(measured: Measured, machine: Machine, crowd: Crowd) -> int:
    """As many as have the files for all sockets, and the cores for all deliveries; none holds more than were tried."""
    by_cpu = sockets_by_cpu(measured, crowd.deliveries_per_socket_per_s)
    known = [machine.open_files - SPARE_FILES, by_cpu, measured.socket_count]
    return ceil(crowd.sockets / min(limit for limit in known if limit))


def network_bits_per_s(measured: Measured, crowd: Crowd) -> float | None:
    """Towards the load, at most: every delivery in a packet of its own."""
    if measured.delivery_bytes is None:
        return None
    return crowd.sockets * crowd.deliveries_per_socket_per_s * (measured.delivery_bytes + HEADER_BYTES) * BITS


def entrance_s(measured: Measured, crowd: Crowd, processes: int | None) -> float | None:
    """How long it takes to bring everybody in, where the server is as fast as we are."""
    if processes is None or not measured.logins_per_s or not measured.connects_per_s:
        return None
    return crowd.sockets / processes * (1 / measured.logins_per_s + 1 / measured.connects_per_s)


def messages_heard_per_s(measured: Measured, share_of_core: float) -> float | None:
    """Messages a second of the whole run, in rooms that all share, at which hearing of them takes so much of a core."""
    return None if not measured.hearing_us else share_of_core * 1e6 / measured.hearing_us
