"""What leading so many workers took, as lines and as one document. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from benchmarks.engine.cases import Figure

# The coordinator leaves its core to a worker half of the time; a master has one to itself.
AIM_COORDINATOR_CORES, AIM_AT_WORKERS = 0.5, 16
AIM_MASTER_CORES, AIM_FINAL_S, AIM_AT_LOCUST_WORKERS = 1.0, 5.0, 64

HEADING = (
    f"{'led by':<12} {'workers':>7}  {'CPU, % of a core':>16}  {'snapshot ms':>11}  {'memory MB':>9}  "
    f"{'told MB/s':>9}  {'handed on MB/s':>14}  {'last books s':>12}"
)


class Leader(StrEnum):
    """Who hears the workers."""

    COORDINATOR = "coordinator"
    MASTER = "master"
    """Of Locust."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of leading so many workers; what was not measured is None."""

    cpu_ratio: float
    """Of one core, in the measured window."""
    snapshot_s: float
    """CPU of one snapshot, the median; there is one each second, and it is part of ``cpu_ratio``."""
    peak_rss_bytes: int
    told_bytes_per_s: float
    """By all workers to the leader."""
    handed_on_bytes_per_s: float
    """By the leader to all workers."""
    final_s: float
    """Until the last books are merged: from the end of the drain (coordinator), or CPU (master)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What leading so many workers took, or why it is not known."""

    leader: Leader
    worker_count: int
    cost: Cost | None
    failure: str | None = None


def cost_of(told: Mapping[str, Any], seconds: float) -> Cost:
    """Read what a leader printed; ``seconds`` is how long the workers talked. ValueError where it is not whole."""
    if told["deaths"] or told["cpu_ratio"] is None:
        raise ValueError(f"came to no good end: {told['deaths'] or 'the window was not seen'}")
    return Cost(
        cpu_ratio=told["cpu_ratio"],
        snapshot_s=told["snapshot_s"],
        peak_rss_bytes=told["peak_rss_bytes"],
        told_bytes_per_s=told["told_bytes"] / seconds,
        handed_on_bytes_per_s=told["forwarded_bytes"] / seconds,
        final_s=told["final_s"],
    )


def line_of(attempt: Attempt) -> str:
    """A row; a failure is a row too."""
    start = f"{attempt.leader:<12} {attempt.worker_count:>7}  "
    cost = attempt.cost
    if cost is None:
        return f"{start}FAILED: {attempt.failure}"
    return (
        f"{start}{cost.cpu_ratio * 100:>16.1f}  {cost.snapshot_s * 1000:>11.1f}  {cost.peak_rss_bytes / 1e6:>9.0f}  "
        f"{cost.told_bytes_per_s / 1e6:>9.2f}  {cost.handed_on_bytes_per_s / 1e6:>14.2f}  {cost.final_s:>12.2f}"
    )


def held_to(attempts: Sequence[Attempt]) -> list[Figure]:
    """The figures that have an aim."""
    coordinator = _cost(attempts, Leader.COORDINATOR, AIM_AT_WORKERS)
    master = _cost(attempts, Leader.MASTER, AIM_AT_LOCUST_WORKERS)
    with_locust = f"at {AIM_AT_LOCUST_WORKERS}"
    return [
        _at_most(
            f"cores of the coordinator at {AIM_AT_WORKERS}",
            None if coordinator is None else coordinator.cpu_ratio,
            AIM_COORDINATOR_CORES,
        ),
        _at_most(
            f"cores of Locust's master {with_locust}", None if master is None else master.cpu_ratio, AIM_MASTER_CORES
        ),
        _at_most(f"its last books {with_locust}, s", None if master is None else master.final_s, AIM_FINAL_S),
    ]


def document(
    messages_per_s: float, deliveries_per_s: float, attempts: Sequence[Attempt], hearing_us: float | None
) -> dict[str, Any]:
    """Everything for --json; what was not measured is null."""
    return {
        "schema": "chatbench.merge_benchmark/1",
        "worker": {"messages_per_s": messages_per_s, "deliveries_per_s": deliveries_per_s},
        "attempts": [asdict(attempt) for attempt in attempts],
        "hearing_us_per_message": hearing_us,
    }


def _cost(attempts: Sequence[Attempt], leader: Leader, worker_count: int) -> Cost | None:
    wanted = (leader, worker_count)
    return next((each.cost for each in attempts if (each.leader, each.worker_count) == wanted), None)


def _at_most(what: str, value: float | None, most: float) -> Figure:
    text = "not measured" if value is None else f"{value:.2f}"
    return Figure(what, text, f"<= {most:g}", held=None if value is None else value <= most)
