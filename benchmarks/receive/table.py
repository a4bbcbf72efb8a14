"""What was measured, as lines of text and as one document. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.common import Cores
from benchmarks.receive.sides import Figures, Load, Side

# 1.5 is what the prototype, which did nothing besides, stood at; the rest is room for the coordinator.
AIM_RATIO = 1.6
AIM_WORKER_RATIO = 1.5

HEADING = (
    f"{'round':>5}  {'receiver':<10}  {'CPU us/delivery':>15}  {'ratio':>5}  "
    f"{'received / expected':>23}  {'p50 ms':>8}  {'p99 ms':>8}  {'peak MB':>7}"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of one side: its figures, or why there are none."""

    round: int
    side: Side
    load: Load
    figures: Figures | None
    failure: str | None


def setting_lines(load: Load, cores: Cores) -> list[str]:
    """Say what both sides do, and where."""
    lines = [
        f"{load.sockets:,} sockets in one room, a rate of {load.rate_per_s:,} messages/s of "
        f"{load.payload_bytes} bytes, for {load.seconds} s"
    ]
    if cores.client is None:
        lines.append("not pinned, which takes two cores and taskset: these figures are not comparable")
    else:
        lines.append(f"relay on core {cores.server}, receiver on core {cores.client}")
    return lines


def attempt_line(attempt: Attempt, so_far: Sequence[Attempt]) -> str:
    """Fill one row; a failure is a row too."""
    start = f"{attempt.round:>5}  {attempt.side:<10}  "
    figures = attempt.figures
    if figures is None:
        return f"{start}FAILED: {attempt.failure}"
    ratio = ratio_of_round(attempt.round, so_far) if attempt.side is Side.OURS else None
    complete = f"{figures.deliveries_received:,} / {figures.deliveries_expected:,}"
    peak_mb = None if figures.peak_rss_bytes is None else figures.peak_rss_bytes / 1e6
    return (
        f"{start}{_number(figures.cpu_us_per_delivery, 15, 2)}  {_number(ratio, 5, 2)}  {complete:>23}  "
        f"{_number(figures.p50_ms, 8, 2)}  {_number(figures.p99_ms, 8, 2)}  {_number(peak_mb, 7, 1)}  "
        f"{figures.note}"
    ).rstrip()


def ratio_line(attempts: Sequence[Attempt]) -> str:
    """State the figure to quote, or that there is none."""
    ratio = median_ratio(attempts)
    if ratio is None:
        return f"ratio: not measured (aim: <= {AIM_RATIO})"
    count = len(_ratios(attempts))
    worker = median(_ratios(attempts, "worker_us_per_delivery"))
    return (
        f"ratio: {ratio:.2f} with the coordinator (aim: <= {AIM_RATIO}), {worker:.2f} the worker alone "
        f"(aim: <= {AIM_WORKER_RATIO}); medians of {count} round{'s' * (count != 1)}"
    )


def memory_line(attempts: Sequence[Attempt]) -> str:
    """State what a socket weighs, or that it was not measured."""
    weight = bytes_per_socket(attempts)
    if weight is None:
        return "memory: not measured"
    whole, added = weight["whole"], weight["added"]
    few, many = sorted(attempt.load.sockets for attempt in attempts)
    return (
        f"memory: {whole:,.0f} bytes a socket, the whole worker divided; "
        f"{added:,.0f} for each socket from {few:,} to {many:,}"
    )


def median_ratio(attempts: Sequence[Attempt]) -> float | None:
    """Our CPU per delivery over that of C; the median of the rounds in which both were measured."""
    ratios = _ratios(attempts)
    return median(ratios) if ratios else None


def ratio_of_round(number: int, attempts: Sequence[Attempt], figure: str = "cpu_us_per_delivery") -> float | None:
    """Our CPU per delivery over that of C in one round; None unless both were measured."""
    us = {
        attempt.side: getattr(attempt.figures, figure)
        for attempt in attempts
        if attempt.round == number and attempt.figures is not None
    }
    ours, floor = us.get(Side.OURS), us.get(Side.C)
    return None if ours is None or not floor else ours / floor


def bytes_per_socket(attempts: Sequence[Attempt]) -> dict[str, float] | None:
    """Weigh a socket in the memory of a worker, by a run with few sockets and one with many."""
    peaks = {
        attempt.load.sockets: attempt.figures.peak_rss_bytes
        for attempt in attempts
        if attempt.figures is not None and attempt.figures.peak_rss_bytes is not None
    }
    if len(peaks) != 2:
        return None
    (few, few_bytes), (many, many_bytes) = sorted(peaks.items())
    return {"whole": many_bytes / many, "added": (many_bytes - few_bytes) / (many - few)}


def document(machine: dict[str, str], cores: Cores, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Gather everything for --json; what was not measured is null."""
    return {
        "schema": "chatbench.receive/1",
        "machine": machine,
        "cores": asdict(cores),
        "comparable": cores.client is not None,
        "aim_ratio": AIM_RATIO,
        "ratio": median_ratio(attempts),
        "worker_ratio": median(_ratios(attempts, "worker_us_per_delivery")) if _ratios(attempts) else None,
        "bytes_per_socket": bytes_per_socket(attempts),
        "attempts": [asdict(attempt) for attempt in attempts],
    }


def _ratios(attempts: Sequence[Attempt], figure: str = "cpu_us_per_delivery") -> list[float]:
    rounds = {attempt.round for attempt in attempts}
    return [ratio for number in rounds if (ratio := ratio_of_round(number, attempts, figure)) is not None]


def _number(value: float | None, width: int, decimals: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width},.{decimals}f}"
