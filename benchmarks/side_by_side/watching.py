"""What CPU time a server takes, with all that it has started."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic_ns

import psutil

from benchmarks.server.watched import NS_PER_S, PERIOD_S


@dataclass(slots=True)
class Watch:
    """(monotonic ns, CPU ns so far), again and again."""

    readings: list[tuple[int, int]] = field(default_factory=list)

    def cpu_us_per_delivery(self, window_ns: tuple[int, int], deliveries_per_s: float | None) -> float | None:
        """Within a window; None where it was not watched, or nothing was delivered."""
        inside = [reading for reading in self.readings if window_ns[0] <= reading[0] <= window_ns[1]]
        if len(inside) < 2 or not deliveries_per_s:
            return None
        took_ns, cpu_ns = (last - first for first, last in zip(inside[0], inside[-1], strict=True))
        return cpu_ns / took_ns / deliveries_per_s * 1e6


@contextmanager
def watching(pid: int) -> Iterator[Watch]:
    """Watch a server until the block ends."""
    watch, over = Watch(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(watch, pid, over), daemon=True)
    watcher.start()
    try:
        yield watch
    finally:
        over.set()
        watcher.join()


def _watch(watch: Watch, pid: int, over: threading.Event) -> None:
    while not over.wait(PERIOD_S):
        with suppress(psutil.Error):
            server = psutil.Process(pid)
            times = [each.cpu_times() for each in (server, *server.children(recursive=True))]
            cpu_s = sum(each.user + each.system for each in times)
            watch.readings.append((monotonic_ns(), round(cpu_s * NS_PER_S)))
