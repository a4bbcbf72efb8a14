"""What the generator's processes, our own target and the whole machine use, each second."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from loadgen.engine.clock import now_ns
from loadgen.measure.record import MachineReading, Reading
from loadgen.plan.pacing import NS_PER_S

# Before Linux 6.2 descriptors can only be listed, 12 ms for 18,000 of them. After that we rest 500 times as long, or
# 10 s: those of a large process are counted every 6 s, of a small one every second, at a five-hundredth of a core.
_REST_FACTOR = 500
_LONGEST_REST_NS = 10 * NS_PER_S

_PROC = Path("/proc")


class Probe:
    """Watches a process for as long as it lives. A reading takes 0.05 ms."""

    def __init__(self, pid: int, before_ns: int = 0, proc: Path = _PROC) -> None:
        """``before_ns`` is the CPU time of those in whose place the process has come: its readings go on from there."""
        self.pid = pid
        self._before_ns = before_ns
        self._descriptors = str(proc / str(pid) / "fd")
        self._process: psutil.Process | None = None
        self._descriptor_count: int | None = None
        self._count_at_ns = 0
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def read(self) -> Reading | None:
        """Where the process stands now; None when it is gone."""
        if self._process is None:
            return None
        try:
            with self._process.oneshot():
                if self._process.status() == psutil.STATUS_ZOMBIE:
                    return None
                cpu = self._process.cpu_times()
                at_ns = now_ns()
                rss_bytes = self._process.memory_info().rss
            descriptor_count = self._count_descriptors(self._process)
        except psutil.Error:
            return None
        cpu_ns = self._before_ns + round((cpu.user + cpu.system) * NS_PER_S)
        return Reading(at_ns, cpu_ns, rss_bytes, descriptor_count)

    def _count_descriptors(self, process: psutil.Process) -> int | None:
        with contextlib.suppress(OSError):
            # Since Linux 6.2 the size of this folder is the number of its entries: 3 us, however many; before, it is 0.
            count = os.stat(self._descriptors).st_size  # noqa: PTH116  # a Path costs more than the call
            if count:
                return count
        began_ns = now_ns()
        if began_ns >= self._count_at_ns:
            with contextlib.suppress(psutil.AccessDenied):
                self._descriptor_count = process.num_fds()
            ended_ns = now_ns()
            self._count_at_ns = ended_ns + min(_REST_FACTOR * (ended_ns - began_ns), _LONGEST_REST_NS)
        return self._descriptor_count


class MachineProbe:
    """Watches the whole machine. A reading takes 0.1 ms."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._net = proc / "net"
        self._core_count = psutil.cpu_count() or 1

    def read(self) -> MachineReading:
        """Where the machine stands now."""
        cpu = psutil.cpu_times()
        at_ns = now_ns()
        # Not every system tells all of these. The time of guests is part of the user time already.
        seconds = {name: getattr(cpu, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal")}
        # A kernel that times interrupts (CONFIG_IRQ_TIME_ACCOUNTING) charges no process for them. One that does not
        # charges the process it interrupts, and is told by an irq time of 0: it looks only in a tick of the clock,
        # and no tick comes within an interrupt.
        interrupt_s = seconds["irq"] + seconds["softirq"] if seconds["irq"] else 0.0
        memory_bytes, in_use = _tcp_sockets(self._net)
        return MachineReading(
            at_ns,
            round(sum(seconds.values()) * NS_PER_S),
            round(interrupt_s * NS_PER_S),
            self._core_count,
            memory_bytes,
            in_use,
        )


def _tcp_sockets(net: Path) -> tuple[int | None, int | None]:
    """Bytes in the buffers of TCP sockets, and the number of sockets; None where the kernel does not tell."""
    tcp, tcp6 = _sockstat(net / "sockstat", "TCP"), _sockstat(net / "sockstat6", "TCP6")
    if tcp is None:
        return None, None
    # The kernel counts the pages of both families together, in the first of the files.
    return tcp["mem"] * os.sysconf("SC_PAGE_SIZE"), tcp["inuse"] + (0 if tcp6 is None else tcp6["inuse"])


def _sockstat(path: Path, protocol: str) -> dict[str, int] | None:
    """The figures of a line like ``TCP: inuse 5 orphan 0 tw 0 alloc 5 mem 27``."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, PermissionError):
        return None
    words = next((line.split() for line in lines if line.startswith(f"{protocol}:")), None)
    return None if words is None else dict(zip(words[1::2], map(int, words[2::2]), strict=True))
