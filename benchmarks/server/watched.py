"""A server on a core of its own, and what CPU and memory it takes."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic_ns, time_ns
from typing import Any

import psutil

from benchmarks.common import BenchmarkError, pinned_to
from loadgen.engine.probe import Probe
from loadgen.measure.record import Reading
from tests.support.programs import listening

PERIOD_S = 0.1
NS_PER_S = 10**9
# The clock of a run starts with its processes, a moment after the run was announced.
MARGIN_NS = NS_PER_S


@dataclass(slots=True)
class Watched:
    """One that is running, and its readings so far."""

    url: str
    pid: int
    readings: list[Reading] = field(default_factory=list)
    loop_cpu_ns: list[int] = field(default_factory=list)
    """CPU of the thread that runs the event loop, one for each reading."""

    @property
    def rss_bytes(self) -> int:
        """Its memory now."""
        return self.readings[-1].rss_bytes

    def most_rss_bytes(self) -> int:
        """Its memory at its largest."""
        return max(reading.rss_bytes for reading in self.readings)

    def cpu_us_per_delivery(self, document: dict[str, Any]) -> tuple[float, float]:
        """CPU of a delivery within the measured window of a run: of all threads, and of the event loop's.

        Raises BenchmarkError where it was not watched.
        """
        start_ns, end_ns = window_of(document)
        inside = [
            (reading.at_ns, reading.cpu_ns, loop_ns)
            for reading, loop_ns in zip(self.readings, self.loop_cpu_ns, strict=False)
            if start_ns <= reading.at_ns <= end_ns
        ]
        per_s = document["rates"]["deliveries_received_per_s"]
        if len(inside) < 2 or not per_s:
            raise BenchmarkError("the server could not be watched")
        took_ns, all_ns, loop_ns = (last - first for first, last in zip(inside[0], inside[-1], strict=True))
        return all_ns / took_ns / per_s * 1e6, loop_ns / took_ns / per_s * 1e6


def window_of(document: dict[str, Any]) -> tuple[int, int]:
    """From when to when a run certainly measured, monotonic ns; to be asked while no clock has been set since."""
    announced = datetime.fromisoformat(document["run"]["started_at"])
    began_ns = round(announced.timestamp() * NS_PER_S) - (time_ns() - monotonic_ns())
    window = next(phase for phase in document["phases"] if phase["name"] == "measure")
    start_ns, end_ns = (began_ns + round(window[key] * NS_PER_S) for key in ("start_s", "end_s"))
    return start_ns + MARGIN_NS, end_ns - MARGIN_NS


@contextmanager
def watched(module: str, core: int | None, *flags: str) -> Iterator[Watched]:
    """Run a server of ours until the block ends; raises BenchmarkError."""
    program = (sys.executable, "-m", module, "--port", "0", "--exit-with-stdin", *flags)
    try:
        with listening([*pinned_to(core), *program]) as said:
            server, probe, over = Watched(said.url, said.pid), Probe(said.pid), threading.Event()
            _look(server, probe)
            watcher = threading.Thread(target=_watch, args=(server, probe, over), daemon=True)
            watcher.start()
            try:
                yield server
            finally:
                over.set()
                watcher.join()
    except (RuntimeError, TimeoutError) as error:
        raise BenchmarkError(f"{module}: {error}") from error


def _watch(server: Watched, probe: Probe, over: threading.Event) -> None:
    while _look(server, probe) and not over.wait(PERIOD_S):
        pass


def _look(server: Watched, probe: Probe) -> bool:
    reading = probe.read()
    try:
        threads = psutil.Process(server.pid).threads()
    except psutil.Error:
        return False
    if reading is None:
        return False
    loop_s = next(thread.user_time + thread.system_time for thread in threads if thread.id == server.pid)
    server.readings.append(reading)
    server.loop_cpu_ns.append(round(loop_s * NS_PER_S))
    return True
