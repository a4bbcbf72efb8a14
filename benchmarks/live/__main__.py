"""``python -m benchmarks.live``: what the live page costs the coordinating process, in % of one core.

A run of 5,000 users that has lasted an hour, a snapshot a second, and ten open pages. Takes a minute and a half.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit
from urllib.request import urlopen

from benchmarks.live.snapshots import snapshots
from scenarios.live_server import LiveServer

PAGES = 10
SECONDS = 20
AIM_PERCENT = 3.0
# name -> pages, how they are told, and whether what it costs is held to the aim
CASES = {
    "no page open": (0, "listen", True),
    "10 pages, told by the stream": (PAGES, "listen", True),
    "10 pages, asking for the whole": (PAGES, "ask", False),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one case."""

    cpu_percent: float
    whole_bytes: int
    page_bytes_per_s: float
    answers: int


def main() -> int:
    """Measure and print; 1 where the page costs more than it may."""
    print(f"{'':<32}{'CPU':>8}{'answers':>10}{'a page':>14}{'the whole':>12}")
    is_kept = True
    idle = _idle_percent()
    for name, (pages, way, is_held) in CASES.items():
        cost = _cost_of(pages, way)
        cpu_percent = max(0.0, cost.cpu_percent - idle)
        is_kept &= cpu_percent < AIM_PERCENT or not is_held
        print(
            f"{name:<32}{cpu_percent:>6.2f} %{cost.answers:>10,}{cost.page_bytes_per_s / 1000:>9.1f} kB/s"
            f"{cost.whole_bytes / 1000:>9.0f} kB",
            flush=True,
        )
    print(f"aim: less than {AIM_PERCENT:g} % of a core, told by the stream: {'kept' if is_kept else 'MISSED'}")
    return int(not is_kept)


def _idle_percent() -> float:
    """What the clock of this benchmark costs by itself."""
    before_s = time.process_time()
    _each_second(SECONDS // 4, lambda: None)
    return (time.process_time() - before_s) / (SECONDS // 4) * 100


def _cost_of(pages: int, way: str) -> Cost:
    told = list(islice(snapshots(), SECONDS + 3))
    with LiveServer(0) as server:
        server.note(told.pop(0))
        with _onlookers(server.url, pages, way) as onlookers:
            server.note(told.pop(0))
            time.sleep(1)  # until every page has the whole
            before_s = time.process_time()
            _each_second(SECONDS, lambda: server.note(told.pop(0)))
            used_s = time.process_time() - before_s
            whole_bytes = _whole_bytes(server.url)
        taken = onlookers[0]
    share = (taken["bytes"] - (pages * whole_bytes if way == "listen" else 0)) / max(pages, 1) / SECONDS
    return Cost(used_s / SECONDS * 100, whole_bytes, max(0.0, share), taken["answers"])


@contextmanager
def _onlookers(url: str, count: int, way: str) -> Iterator[list[dict[str, int]]]:
    parts = urlsplit(url)
    command = [sys.executable, "-m", "benchmarks.live.onlookers", str(parts.hostname), str(parts.port), str(count), way]
    taken: list[dict[str, int]] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        yield taken
        process.stdin.close()
        taken.append(json.loads(process.stdout.readline()))


def _each_second(count: int, deed: Callable[[], None]) -> None:
    start_s = time.monotonic()
    for n in range(count):
        deed()
        time.sleep(max(0.0, start_s + n + 1 - time.monotonic()))


def _whole_bytes(url: str) -> int:
    with urlopen(f"{url}whole") as answer:  # noqa: S310  # our own server
        return len(answer.read())


if __name__ == "__main__":
    sys.exit(main())
