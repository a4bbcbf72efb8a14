"""Whether two processes of load carry twice what one does, where each has a core of its own: a smaller one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import BenchmarkError, Cores, chatbench_document, pinned_to, relay_on
from benchmarks.engine.cases import Document, Figure
from benchmarks.engine.dialect import without_ack
from benchmarks.engine.shares import NoGroupsError, shares_for_workers

# Of one core, for each of two: what is left is for the kernel. Server and coordinator have the other core.
SHARE = 0.45
USERS = 500
AIM_RATIO = 1.8
# Deliveries/s of each process. With 45 % of a core 55,000 to 85,000 can be believed, and the server carries them twice.
LOADS_PER_S = tuple(range(50_000, 105_000, 5_000))
# A hiccup of the machine is no load that is too much.
TRIES = 2
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Carried:
    """What a number of processes carried."""

    runs: dict[int, Document]
    """By deliveries/s of each process, rising; at least one."""
    too_much_per_s: int | None
    """The next that was tried; None where none was."""

    @property
    def most_per_s(self) -> int:
        """The most that each process carried."""
        return max(self.runs)

    @property
    def best(self) -> Document:
        """The run that did."""
        return self.runs[self.most_per_s]


def smaller_cores(cores: Cores) -> tuple[list[Figure], Document]:
    """500 users in 2 rooms, each in one process, and each process in a control group that gets 45 % of a core, no more.

    The most that one process carries in a run that is not invalid, and the most that two do.
    """
    return _compared(cores, room_count=2)


def smaller_cores_one_room(cores: Cores) -> tuple[list[Figure], Document]:
    """The same in one room that both processes share: each hears of every message."""
    return _compared(cores, room_count=1)


def _compared(cores: Cores, room_count: int) -> tuple[list[Figure], Document]:
    try:
        one, two = (_carried(cores, room_count, count) for count in (1, 2))
    except NoGroupsError as error:
        return [Figure("two beside one", f"no data: {error}", f">= {AIM_RATIO:g}", held=None)], {}
    return figures_of(one, two), {"1": one.runs, "2": two.runs}


def _carried(cores: Cores, room_count: int, count: int) -> Carried:
    def tried(load_per_s: int) -> Document:
        rate_per_s = load_per_s * count * room_count // USERS
        return _document(cores, room_count, count, rate_per_s)

    return most_carried(tried)


def most_carried(tried: Callable[[int], Document]) -> Carried:
    """Try more and more, until a load is too much each time; BenchmarkError where the first was."""
    runs: dict[int, Document] = {}
    for load_per_s in LOADS_PER_S:
        carried = next(filter(is_carried, (tried(load_per_s) for _ in range(TRIES))), None)
        if carried is None:
            break
        runs[load_per_s] = carried
    if not runs:
        raise BenchmarkError(f"not even {LOADS_PER_S[0]:,} deliveries/s for each process could be believed")
    return Carried(runs, None if len(runs) == len(LOADS_PER_S) else LOADS_PER_S[len(runs)])


def is_carried(document: Document) -> bool:
    """Whether the run can be believed, and everything was sent and received.

    A process that is made to wait is seen as any other that is: it sends and hears too late.
    """
    counters = document["counters"]
    is_sent = counters["messages_sent"] == counters["messages_due"]
    is_received = counters["deliveries_received"] == counters["deliveries_expected"]
    return bool(document["verdict"] != "invalid" and is_sent and is_received)


def figures_of(one: Carried, two: Carried) -> list[Figure]:
    """What each carried, the ratio of both, and what a delivery costs at the largest load that both carried."""
    ratio = _received_per_s(two.best) / _received_per_s(one.best)
    both_per_s = min(one.most_per_s, two.most_per_s)
    cost = _us(two.runs[both_per_s]) / _us(one.runs[both_per_s])
    return [
        *_figures("one process", one),
        *_figures("two processes", two),
        Figure("two beside one", f"{ratio:.2f}", f">= {AIM_RATIO:g}", held=ratio >= AIM_RATIO),
        Figure(f"at {both_per_s:,}/s each: CPU, two beside one", f"{cost:.2f}", "", held=None),
    ]


def _figures(name: str, carried: Carried) -> list[Figure]:
    document = carried.best
    workers = document["generator"]["processes"]
    above = "none was tried"
    if carried.too_much_per_s is not None:
        above = f"{carried.too_much_per_s / carried.most_per_s:.2f} times as many"
    cpu = " + ".join(f"{worker['cpu_ratio']:.0%}" for worker in workers)
    late_ms = max(worker["send_lateness_p99_ms"] for worker in workers)
    others = document["machine"]["others_cpu_ratio"]
    return [
        Figure(f"{name}: deliveries/s", f"{_received_per_s(document):,.0f}", "", held=None),
        Figure(f"{name}: the next that was too much", above, "", held=None),
        Figure(f"{name}: CPU, of a whole core", cpu, "", held=None),
        Figure(f"{name}: us of CPU a delivery", f"{_us(document):.2f}", "", held=None),
        Figure(f"{name}: lateness p99, ms", f"{late_ms:.1f}", "", held=None),
        Figure(f"{name}: others, the server among them", f"{others:.0%}", "", held=None),
    ]


def _received_per_s(document: Document) -> float:
    return float(document["rates"]["deliveries_received_per_s"])


def _us(document: Document) -> float:
    return float(document["generator"]["cpu_us_per_delivery"])


def _document(cores: Cores, room_count: int, count: int, rate_per_s: int) -> Document:
    assert cores.client is not None, "the command asks for two cores"
    with (
        tempfile.TemporaryDirectory(prefix="chatbench-dialect-") as folder,
        relay_on(cores.server) as relay,
        shares_for_workers(count, SHARE, cores.client),
    ):
        flags = (
            *("fanout", "--users", str(USERS), "--rooms", str(room_count), "--rate", str(rate_per_s)),
            *("--payload", "100", "--duration", "5s", "--warmup", "1s", "--drain", "1s"),
            *("--connect-rate", "1000", "--processes", str(count), "--dialect", str(without_ack(Path(folder)))),
        )
        return chatbench_document(relay.url, flags, pinned_to(cores.server), LIMIT_S)
