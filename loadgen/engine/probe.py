"""CPU and memory of the generator's processes and of our own target, each second."""

from __future__ import annotations

import contextlib

import psutil

from loadgen.engine.clock import now_ns
from loadgen.measure.record import Reading


class Probe:
    """Watches a process for as long as it lives."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def read(self) -> Reading | None:
        """Where the process stands now; None when it is gone."""
        if self._process is None:
            return None
        try:
            with self._process.oneshot():
                cpu = self._process.cpu_times()
                rss_bytes = self._process.memory_info().rss
        except psutil.Error:
            return None
        return Reading(now_ns(), round((cpu.user + cpu.system) * 1e9), rss_bytes)
