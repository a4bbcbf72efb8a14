"""How many different messages a second one process sends on time, each of which comes back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.common import BenchmarkError, Cores, chatbench_document, pinned_to, relay_on
from benchmarks.engine.cases import Document, Figure
from benchmarks.engine.dialect import without_ack
from scenarios.capacity_search import Outcome, Search

USERS = 500
AIM_PER_S = 25_000
FIRST_PER_S, MOST_PER_S = 10_000, 80_000
LIMIT_S = 60.0


def on_time(cores: Cores) -> tuple[list[Figure], Document]:
    """500 users, each alone in a room: the most messages/s of a run that is not invalid, found within a tenth."""
    documents: list[Document] = []

    def tried(rate_per_s: int, seconds: int) -> bool:
        documents.append(_document(cores, rate_per_s, seconds))
        return bool(documents[-1]["verdict"] != "invalid")

    held, broke = most_on_time(tried)
    return figures_of(held, broke, documents), {"held": held, "broke": broke, "runs": documents}


def most_on_time(tried: Callable[[int, int], bool]) -> tuple[int, int | None]:
    """(the largest rate that held, for longer too; the smallest that did not), by trying (rate, for how many seconds).

    BenchmarkError where none held.
    """
    search = Search(FIRST_PER_S, MOST_PER_S)
    while (each := search.next()) is not None:
        is_believed = tried(each.load, 12 if each.confirms else 5)
        search.tell(each, Outcome.HELD if is_believed else Outcome.UNBELIEVABLE)
    if search.held is None:
        raise BenchmarkError("no run was valid, whatever its rate")
    return search.held, search.broke


def figures_of(held: int, broke: int | None, documents: list[Document]) -> list[Figure]:
    """What is read from the runs, of which the last at the rate that held tells how."""
    document = next(each for each in reversed(documents) if _rate_of(each) == held)
    (worker,) = document["generator"]["processes"]
    above = "none was tried" if broke is None else f"{broke:,}"
    return [
        Figure("messages/s on time", f"{held:,}", f"{AIM_PER_S:,}", held=held >= AIM_PER_S),
        Figure("the next that was not", above, "", held=None),
        Figure("CPU of the worker at that", f"{worker['cpu_ratio']:.0%} of a core", "", held=None),
        Figure("lateness p99 at that, ms", f"{worker['send_lateness_p99_ms']:.2f}", "", held=None),
    ]


def _rate_of(document: Document) -> int:
    return int(document["plan"]["traffic.rate_per_s"]["value"])


def _document(cores: Cores, rate_per_s: int, seconds: int) -> Document:
    with tempfile.TemporaryDirectory(prefix="chatbench-dialect-") as folder, relay_on(cores.server) as relay:
        flags = (
            *("fanout", "--users", str(USERS), "--rooms", str(USERS), "--rate", str(rate_per_s), "--payload", "100"),
            *("--duration", f"{seconds}s", "--warmup", "2s", "--drain", "2s", "--connect-rate", "3000"),
            *("--processes", "1", "--dialect", str(without_ack(Path(folder)))),
        )
        return chatbench_document(relay.url, flags, pinned_to(cores.client), LIMIT_S)
