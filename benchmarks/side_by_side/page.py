"""What the runs show, as Markdown. Pure: it says nothing that is not in the figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from reports import numbers

# A second whose p99 is so many times that of the server's usual second belongs to a burst.
BURST_TIMES = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One run on one server; times in ms, None where there are too few samples or none."""

    server: str
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    ack_p50_ms: float | None
    expected: int
    """Deliveries."""
    lost: int
    cpu_us_per_delivery: float | None
    """Of the server, with what it cost to take the messages in."""
    lateness_p99_ms: float | None
    """Of the generator: what of the times above is its own fault."""
    doubts: tuple[str, ...]
    """Why the run cannot be believed; empty where it can."""
    p99_of_seconds_ms: tuple[float, ...]
    """Of the messages due in each second of the measured window."""
    hdr: str | None
    """All delivery times."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server is, and what it was set to."""

    name: str
    version: str
    set_to: str


Rounds = Sequence[Mapping[str, Run]]
"""Each with one run of every server."""
Figure = Callable[[Run], float | None]


def page_of(rounds: Rounds, servers: Sequence[Server], made: str) -> str:
    """The tables and how to read them; ``made`` says how, where and when."""
    lines = [
        f"Made {made}. {len(rounds)} rounds, in each of which every server has its turn; the figures are medians of "
        "the rounds, in brackets the lowest and the highest of them.",
        "",
        "| server | delivery p50 | p95 | p99 | ack p50 | lost | server's CPU a delivery |",
        "|---|---|---|---|---|---|---|",
        *(_row(rounds, server.name) for server in servers),
        "",
        "![How many of all deliveries took no longer](pictures/side_by_side.png)",
        "",
        *_reading(rounds, [server.name for server in servers]),
        "",
        "| server | version | what it was set to |",
        "|---|---|---|",
        *(f"| {server.name} | {server.version} | {server.set_to} |" for server in servers),
    ]
    return "\n".join(lines) + "\n"


def _row(rounds: Rounds, name: str) -> str:
    expected, lost = (sum(figure(each[name]) for each in rounds) for figure in (_expected, _lost))
    cells = [
        *(_told(rounds, name, figure, numbers.duration) for figure in (_p50, _p95, _p99, _ack)),
        f"{lost:,} of {expected:,}",
        _told(rounds, name, _cpu, lambda us: f"{us:.1f} us"),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _told(rounds: Rounds, name: str, figure: Figure, form: Callable[[float], str]) -> str:
    values = _values(rounds, name, figure)
    if not values:
        return "none" if figure is _ack else numbers.NO_DATA
    if len(values) == 1:
        return form(values[0])
    return f"{form(median(values))} ({form(min(values))} to {form(max(values))})"


def _reading(rounds: Rounds, names: Sequence[str]) -> list[str]:
    """What can be read from the rounds, a paragraph each; an order only where it was the same in every round."""
    lines = []
    for what, figure in (("half of the deliveries", _p50), ("99 of 100 deliveries", _p99)):
        order = _steady_order(rounds, names, figure)
        if order is None:
            lines.append(f"- How soon {what} were there: the order of the servers was not the same in every round.")
        else:
            lines.append(f"- How soon {what} were there: in every round {', then '.join(order)}.")
    stretched = [
        f"{name} {p99 / p50:.0f} times"
        for name in names
        if (p50 := _median(rounds, name, _p50)) and (p99 := _median(rounds, name, _p99))
    ]
    lines.append(f"- The p99 is so many times the p50: {', '.join(stretched)}.")
    bursts = [
        f"{name} {_burst_count(seconds_ms)} of {len(seconds_ms)}"
        for name in names
        if (seconds_ms := _seconds(rounds, name))
    ]
    if bursts:
        lines.append(
            f"- Seconds with a p99 of more than {BURST_TIMES} times that of the server's usual second (the median of "
            f"all its seconds), which is what a burst of waiting looks like: {', '.join(bursts)}."
        )
    late_ms = [value for name in names for value in _values(rounds, name, _lateness)]
    if late_ms:
        lines.append(
            f"- The generator itself was late by {numbers.duration(max(late_ms))} at most (p99 of the worst run): "
            "differences smaller than that say nothing."
        )
    lines += [
        f"- Round {number} of {name} cannot be believed: {', '.join(runs[name].doubts)}."
        for number, runs in enumerate(rounds, 1)
        for name in names
        if runs[name].doubts
    ]
    return lines


def _steady_order(rounds: Rounds, names: Sequence[str], figure: Figure) -> list[str] | None:
    """From the quickest to the slowest; None where two rounds differ, or a figure is missing."""
    orders = []
    for runs in rounds:
        values = {name: value for name in names if (value := figure(runs[name])) is not None}
        if len(values) < len(names):
            return None
        orders.append(sorted(names, key=values.__getitem__))
    return orders[0] if all(order == orders[0] for order in orders) else None


def _seconds(rounds: Rounds, name: str) -> list[float]:
    return [p99_ms for runs in rounds for p99_ms in runs[name].p99_of_seconds_ms]


def _burst_count(seconds_ms: Sequence[float]) -> int:
    return sum(p99_ms > BURST_TIMES * median(seconds_ms) for p99_ms in seconds_ms)


def _values(rounds: Rounds, name: str, figure: Figure) -> list[float]:
    return [value for runs in rounds if (value := figure(runs[name])) is not None]


def _median(rounds: Rounds, name: str, figure: Figure) -> float | None:
    values = _values(rounds, name, figure)
    return median(values) if values else None


def _p50(run: Run) -> float | None:
    return run.p50_ms


def _p95(run: Run) -> float | None:
    return run.p95_ms


def _p99(run: Run) -> float | None:
    return run.p99_ms


def _ack(run: Run) -> float | None:
    return run.ack_p50_ms


def _cpu(run: Run) -> float | None:
    return run.cpu_us_per_delivery


def _lateness(run: Run) -> float | None:
    return run.lateness_p99_ms


def _expected(run: Run) -> int:
    return run.expected


def _lost(run: Run) -> int:
    return run.lost
