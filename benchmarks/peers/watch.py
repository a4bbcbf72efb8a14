"""What the kernel knows of processes and sockets: CPU time, memory, and what was not read yet."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import psutil

PERIOD_S = 1.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process and all that it has started, so far."""

    at_s: float
    """Monotonic."""
    cpu_s: float
    """User and system, with the children who have ended and were waited for."""
    rss_bytes: int
    """The sum of all; what they share is in it more than once."""
    machine_cpu_s: float
    """Of everybody on this machine, since it was started."""


@dataclass(slots=True)
class Watch:
    """Readings of one tree, from the first to the last that it lived to see."""

    pid: int
    readings: list[Usage] = field(default_factory=list)

    def read(self) -> Usage | None:
        """Take one more reading; None where the process is gone."""
        usage = usage_of(self.pid)
        if usage is not None:
            self.readings.append(usage)
        return usage


@contextmanager
def watching(*pids: int) -> Iterator[list[Watch]]:
    """Watch processes until the block ends."""
    watches, over = [Watch(pid) for pid in pids], threading.Event()

    def look() -> None:
        while not over.wait(PERIOD_S):
            for watch in watches:
                watch.read()

    for watch in watches:
        watch.read()
    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield watches
    finally:
        over.set()
        watcher.join()


def usage_of(pid: int) -> Usage | None:
    """Read a tree now; None where there is none."""
    processes = tree_of(pid)
    stats = [stat for each in processes if (stat := _stat(each)) is not None]
    if not stats:
        return None
    return Usage(
        at_s=monotonic(),
        cpu_s=sum(cpu_s for cpu_s, _ in stats),
        rss_bytes=sum(rss_bytes for _, rss_bytes in stats),
        machine_cpu_s=machine_cpu_s(),
    )


def tree_of(pid: int) -> list[int]:
    """A process and all that descend from it."""
    with suppress(psutil.Error):
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return []


def _stat(pid: int) -> tuple[float, int] | None:
    """CPU seconds and resident bytes, from proc(5)."""
    try:
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    # utime, stime, cutime and cstime are fields 14 to 17, rss is 24; the text begins with field 3.
    return sum(map(int, fields[11:15])) / TICKS_PER_S, int(fields[21]) * PAGE_BYTES


def machine_cpu_s() -> float:
    """What all cores were busy with, and what the host took away; not waiting, and not its interrupts."""
    with (PROC / "stat").open(encoding="utf-8") as stat:
        user, nice, system, _idle, _iowait, _irq, _softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + steal) / TICKS_PER_S


def others_ratio(everything_of_ours: Watch) -> float | None:
    """What everybody else took, in cores, while we were watched; None where that was too short."""
    if len(everything_of_ours.readings) < 2:
        return None
    first, last = everything_of_ours.readings[0], everything_of_ours.readings[-1]
    if last.at_s - first.at_s < PERIOD_S:
        return None
    others_s = (last.machine_cpu_s - first.machine_cpu_s) - (last.cpu_s - first.cpu_s)
    return max(0.0, others_s / (last.at_s - first.at_s))


def queued_bytes(port: int) -> int:
    """What waits in the kernel's queues of all connections to a port of this machine, at both ends."""
    wanted = f":{port:04X}"
    total = 0
    with (PROC / "net/tcp").open(encoding="utf-8") as table:
        next(table)
        for line in table:
            _, local, remote, state, queues, *_ = line.split(maxsplit=5)
            if state == "01" and (local.endswith(wanted) or remote.endswith(wanted)):
                unacknowledged, unread = queues.split(":")
                total += int(unacknowledged, 16) + int(unread, 16)
    return total
