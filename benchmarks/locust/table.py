"""What was measured, as lines of text and as one document. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.common import Cores
from benchmarks.locust.sides import Figures, Load, Side

# A ChatUser takes a fifth of the CPU of the user that people write, at most.
AIM_RATIO = 5

# Locust around the engine costs a tenth of what the engine costs by itself, at most.
AIM_BESIDE_COMMAND_LINE = 1.1

HEADING = (
    f"{'round':>5}  {'user':<21}  {'CPU us/delivery':>15}  {'whole run':>9}  {'ratio':>5}  "
    f"{'received / expected':>19}  {'p50 ms':>7}  {'p99 ms':>7}"
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
    """Say what all sides do, and where."""
    lines = [
        f"{load.users:,} users in one room, {load.rate_per_s:,} messages/s of {load.payload_bytes} bytes to each, "
        f"for {load.seconds} s"
    ]
    if cores.client is None:
        lines.append("not pinned, which takes two cores and taskset: these figures are not comparable")
    else:
        lines.append(f"relay on core {cores.server}, Locust and all its processes on core {cores.client}")
    return lines


def attempt_line(attempt: Attempt, so_far: Sequence[Attempt]) -> str:
    """Fill one row; a failure is a row too. The ratio is to the ChatUser of the same round."""
    start = f"{attempt.round:>5}  {attempt.side:<21}  "
    figures = attempt.figures
    if figures is None:
        return f"{start}FAILED: {attempt.failure}"
    ratio = None if attempt.side is Side.OURS else ratio_of_round(attempt.round, attempt.side, so_far)
    complete = f"{figures.deliveries_received:,} / {figures.deliveries_expected:,}"
    return (
        f"{start}{_number(figures.cpu_us_per_delivery, 15)}  {_number(figures.whole_us_per_delivery, 9)}  "
        f"{_number(ratio, 5)}  {complete:>19}  {_number(figures.p50_ms, 7)}  {_number(figures.p99_ms, 7)}  "
        f"{figures.note}"
    ).rstrip()


def ratio_lines(attempts: Sequence[Attempt]) -> list[str]:
    """State the figures to quote, or that there are none."""
    return [_ratio_line(side, attempts) for side in Side if side is not Side.OURS]


def median_ratio(side: Side, attempts: Sequence[Attempt]) -> float | None:
    """How many times the CPU of a ChatUser a side takes; the median of the rounds in which both were measured."""
    ratios = _ratios(side, attempts)
    return median(ratios) if ratios else None


def ratio_of_round(number: int, side: Side, attempts: Sequence[Attempt]) -> float | None:
    """How many times the CPU of a ChatUser a side took in one round; None unless both were measured."""
    us = {
        attempt.side: attempt.figures.cpu_us_per_delivery
        for attempt in attempts
        if attempt.round == number and attempt.figures is not None
    }
    ours, theirs = us.get(Side.OURS), us.get(side)
    return None if theirs is None or not ours else theirs / ours


def document(machine: dict[str, str], cores: Cores, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Gather everything for --json; what was not measured is null."""
    return {
        "schema": "chatbench.locust_benchmark/1",
        "machine": machine,
        "cores": asdict(cores),
        "comparable": cores.client is not None,
        "aim_ratio": AIM_RATIO,
        "aim_beside_command_line": AIM_BESIDE_COMMAND_LINE,
        "ratios": {side: median_ratio(side, attempts) for side in Side if side is not Side.OURS},
        "attempts": [asdict(attempt) for attempt in attempts],
    }


def _ratio_line(side: Side, attempts: Sequence[Attempt]) -> str:
    ratio, count = median_ratio(side, attempts), len(_ratios(side, attempts))
    rounds = f"median of {count} round{'s' * (count != 1)}"
    if side is Side.COMMAND_LINE:
        aim = f" (aim: <= {AIM_BESIDE_COMMAND_LINE:g})"
        if not ratio:
            return f"ChatUser beside {side}: ratio not measured{aim}"
        return f"ChatUser: {1 / ratio:.2f} times the CPU of {side}{aim}; {rounds}"
    aim = f" (aim: >= {AIM_RATIO})" if side is Side.PEER else ""
    if ratio is None:
        return f"{side}: ratio not measured{aim}"
    return f"{side}: {ratio:.1f} times the CPU of a ChatUser{aim}; {rounds}"


def _ratios(side: Side, attempts: Sequence[Attempt]) -> list[float]:
    rounds = {attempt.round for attempt in attempts}
    return [ratio for number in rounds if (ratio := ratio_of_round(number, side, attempts)) is not None]


def _number(value: float | None, width: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width},.2f}"
