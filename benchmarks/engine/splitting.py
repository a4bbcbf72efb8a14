"""What it costs to split one load over several processes: they share one core, so that only the splitting differs.

A machine with a core for each process has the same work to do, and does it side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.common import RELAY_DIALECT, BenchmarkError, Cores, chatbench_document, pinned_to, relay_on
from benchmarks.engine.cases import Document, Figure

PROCESSES = (1, 2, 4)
ROUNDS = 3
AIM_RATIO = 1.1
# A third of what one core can carry: at more, what is read at once grows with the load and makes it cheaper.
LOAD = (
    *("fanout", "--users", "500", "--rate", "100", "--payload", "100", "--duration", "5s", "--seed", "1"),
    *("--connect-rate", "2000", "--warmup", "2s", "--drain", "1s", "--dialect", str(RELAY_DIALECT)),
)
# One room has everybody, so that each process hears of every message; or rooms that each lie in one process.
LAYOUTS = {"one room that all share": "1", "4 rooms, each within a process": "4"}
LIMIT_S = 120.0


def processes(cores: Cores) -> tuple[list[Figure], Document]:
    """500 sockets and 50,000 deliveries/s: the same load on 1, 2 and 4 processes that share one core."""
    rounds = {name: _layout(rooms, cores) for name, rooms in LAYOUTS.items()}
    return [figure for name in LAYOUTS for figure in figures_of(name, rounds[name])], {"us_a_delivery": rounds}


def _layout(rooms: str, cores: Cores) -> list[list[float]]:
    rate = str(100 * int(rooms))  # as many deliveries in each layout
    flags = [*LOAD, "--rooms", rooms, "--rate", rate]
    return [[_us(flags, count, cores) for count in PROCESSES] for _ in range(ROUNDS)]


def figures_of(name: str, rounds: Sequence[Sequence[float]]) -> list[Figure]:
    """``rounds``: us of CPU of a delivery for each number of processes, one round after the other."""
    figures = [Figure(f"{name}, {PROCESSES[0]}: us a delivery", f"{median(us[0] for us in rounds):.2f}", "", held=None)]
    for place, count in enumerate(PROCESSES[1:], 1):
        ratio = median(us[place] / us[0] for us in rounds)
        # Four share a core that two would not: told, and held to nothing.
        held = ratio <= AIM_RATIO if count == PROCESSES[1] else None
        aim = f"<= {AIM_RATIO:g}" if count == PROCESSES[1] else ""
        figures.append(Figure(f"{name}, {count}: beside one, median of {len(rounds)}", f"{ratio:.2f}", aim, held=held))
    return figures


def _us(flags: Sequence[str], count: int, cores: Cores) -> float:
    """CPU of one delivery, of all workers and their coordinator."""
    with relay_on(cores.server) as relay:
        document: dict[str, Any] = chatbench_document(
            relay.url, [*flags, "--processes", str(count)], pinned_to(cores.client), LIMIT_S
        )
    us: float | None = document["generator"]["cpu_us_per_delivery"]
    if us is None:
        raise BenchmarkError("the document does not tell the CPU of a delivery")
    return us
