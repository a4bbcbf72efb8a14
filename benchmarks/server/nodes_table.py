"""The figures of `benchmarks.server.nodes`, as lines and as a table; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.common import BenchmarkError
from benchmarks.engine.cases import Figure

NS_PER_S = 10**9


@dataclass(frozen=True, slots=True)
class Side:
    """Some nodes, and where each user connects: to these of them in turn. Users are in the two rooms in turn."""

    name: str
    node_count: int
    has_redis: bool = True
    turns: tuple[int, ...] = (0,)


ONE_PROCESS = Side("one process, no broker", 1, has_redis=False)
SIDES = (
    ONE_PROCESS,
    Side("one node, with Redis", 1),
    Side("two nodes, each room on one", 2, turns=(0, 1)),
    Side("two nodes, each room on both", 2, turns=(0, 0, 1, 1)),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run; CPU of the nodes is that of both together. What is of Redis is None where there is none."""

    p50_ms: float
    p99_ms: float
    ack_p50_ms: float
    cpu_us_per_message: float
    cpu_us_per_delivery: float
    redis_cpu_us_per_message: float | None
    publishes_per_message: float | None


Found = Mapping[Side, Sequence[Measured]]

_COLUMNS: tuple[tuple[str, str, Callable[[Measured], float | None]], ...] = (
    ("delivery p50, ms", ".2f", lambda each: each.p50_ms),
    ("p99, ms", ".2f", lambda each: each.p99_ms),
    ("ack p50, ms", ".2f", lambda each: each.ack_p50_ms),
    ("CPU of the nodes a delivery, us", ".2f", lambda each: each.cpu_us_per_delivery),
    ("a message, us", ".0f", lambda each: each.cpu_us_per_message),
    ("CPU of Redis a message, us", ".0f", lambda each: each.redis_cpu_us_per_message),
    ("publishes a message", ".2f", lambda each: each.publishes_per_message),
)
_CAPACITY = "two nodes' deliveries to one process's, by their CPU"


def per_s(readings: Sequence[tuple[int, int]], window_ns: tuple[int, int]) -> float:
    """How fast a count grew within a window, of (ns, count); raises BenchmarkError where it was not watched."""
    inside = [reading for reading in readings if window_ns[0] <= reading[0] <= window_ns[1]]
    if len(inside) < 2:
        raise BenchmarkError("Redis could not be watched")
    took_ns, count = (last - first for first, last in zip(inside[0], inside[-1], strict=True))
    return count / took_ns * NS_PER_S


def figures_of(found: Found) -> list[Figure]:
    """A line for each figure of each side: the median of its runs, and all of them."""
    lines = []
    for side, runs in found.items():
        for title, form, look in _COLUMNS:
            values = [value for each in runs if (value := look(each)) is not None]
            if values:
                every = ", ".join(f"{value:{form}}" for value in values)
                lines.append(Figure(f"{side.name}: {title}", f"{median(values):{form}}  ({every})", "", held=None))
        if (ratio := capacity_ratio(found, side)) is not None:
            lines.append(Figure(f"{side.name}: {_CAPACITY}", f"{ratio:.2f}", ">= 1.6", held=ratio >= 1.6))
    return lines


def table_of(found: Found, machine: Mapping[str, str]) -> str:
    """Medians, as Markdown."""
    titles = ["", *(title for title, _, _ in _COLUMNS), _CAPACITY]
    rows = [titles, ["---"] * len(titles)]
    for side, runs in found.items():
        cells = [side.name]
        for _, form, look in _COLUMNS:
            values = [value for each in runs if (value := look(each)) is not None]
            cells.append(f"{median(values):{form}}" if values else "-")
        ratio = capacity_ratio(found, side)
        rows.append([*cells, "-" if ratio is None else f"{ratio:.2f}"])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    count = min(len(runs) for runs in found.values())
    where = ", ".join(machine[key] for key in ("cpu", "kernel", "python"))
    about = f"Medians of {count} rounds, {machine['date'][:10]}: {where}."
    return "\n".join([*lines, "", about])


def capacity_ratio(found: Found, side: Side) -> float | None:
    """How many times the deliveries of one process its nodes carry where each has a core; None of a single node.

    By their CPU alone, in rounds: what one takes, times the nodes, over what these take.
    """
    if side.node_count == 1 or ONE_PROCESS not in found:
        return None
    pairs = zip(found[ONE_PROCESS], found[side], strict=True)
    return median(side.node_count * one.cpu_us_per_delivery / each.cpu_us_per_delivery for one, each in pairs)
