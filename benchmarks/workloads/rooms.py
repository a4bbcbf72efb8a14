"""One large room, or many small ones: what a delivery costs, and how much of that is the message's own cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from benchmarks.common import BenchmarkError
from benchmarks.engine.cases import Figure
from benchmarks.workloads.runs import Document, at_most, embedded_document

DELIVERIES_PER_S = 10_000
ROUNDS = 3
DURATION_S = 6
AIM_RATIO = 1.5


class Shape(StrEnum):
    """Who is in a room with whom; deliveries a second are the same in all."""

    LARGE = "1 room of 500"
    MANY = "50 rooms of 10"
    SMALL = "1 room of 10"
    """As many messages as in the many rooms, so what this one costs is not the price of having many."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The users of a shape, and their rooms."""

    user_count: int
    room_count: int

    @property
    def messages_per_s(self) -> float:
        """As many as give the deliveries."""
        return DELIVERIES_PER_S * self.room_count / self.user_count


LAYOUTS = {Shape.LARGE: Layout(500, 1), Shape.MANY: Layout(500, 50), Shape.SMALL: Layout(10, 1)}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost, in CPU."""

    generator_us: float
    """A delivery, of all processes."""
    server_us: float
    """A delivery."""
    deliveries_a_message: float
    others_cpu_ratio: float | None
    """What other programs used of the machine meanwhile."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A cost taken apart: so much for each delivery, and so much for each message, however many it reaches."""

    delivery_us: float
    message_us: float


def rooms() -> list[Figure]:
    """10,000 deliveries a second in one large room and in 50 small ones, in turns."""
    costs: dict[Shape, list[Cost]] = {shape: [] for shape in Shape}
    for _ in range(ROUNDS):
        for shape in Shape:
            costs[shape].append(_measured(LAYOUTS[shape]))
    return figures_of(costs)


def cost_of(document: Document) -> Cost:
    """Read a document; raises BenchmarkError where it lacks a figure, since there is no ratio without it."""
    rates, generator_us = document["rates"], document["generator"]["cpu_us_per_delivery"]
    server_ratio = (document["server"] or {}).get("cpu_ratio")
    deliveries, messages = rates["deliveries_received_per_s"], rates["messages_sent_per_s"]
    if generator_us is None or server_ratio is None or not deliveries or not messages:
        raise BenchmarkError("a run has no CPU per delivery")
    return Cost(
        generator_us=generator_us,
        server_us=server_ratio * 1e6 / deliveries,
        deliveries_a_message=deliveries / messages,
        others_cpu_ratio=document["machine"]["others_cpu_ratio"],
    )


def parts_of(large_us: float, large_deliveries: float, small_us: float, small_deliveries: float) -> Parts:
    """The line through the cost of a delivery of two runs, over the messages that a delivery takes.

    Deliveries are those of a message: more of them in the large room than in the small one.
    """
    message_us = (small_us - large_us) / (1 / small_deliveries - 1 / large_deliveries)
    return Parts(delivery_us=large_us - message_us / large_deliveries, message_us=message_us)


def figures_of(costs: dict[Shape, list[Cost]]) -> list[Figure]:
    """The table; the costs of a shape stand in the order of the rounds."""
    large, many = costs[Shape.LARGE], costs[Shape.MANY]
    return [
        *_figures_of_side("generator", {shape: [cost.generator_us for cost in costs[shape]] for shape in Shape}),
        _parts("generator", large, many, [cost.generator_us for cost in large], [cost.generator_us for cost in many]),
        *_figures_of_side("server", {shape: [cost.server_us for cost in costs[shape]] for shape in Shape}),
        _parts("server", large, many, [cost.server_us for cost in large], [cost.server_us for cost in many]),
        _others([cost.others_cpu_ratio for of_shape in costs.values() for cost in of_shape]),
    ]


def _measured(layout: Layout) -> Cost:
    flags = (
        *("fanout", "--users", str(layout.user_count), "--rooms", str(layout.room_count)),
        *("--rate", f"{layout.messages_per_s:g}"),
    )
    return cost_of(embedded_document(flags, DURATION_S))


def _figures_of_side(side: str, us: dict[Shape, list[float]]) -> list[Figure]:
    ratios = [many / large for many, large in zip(us[Shape.MANY], us[Shape.LARGE], strict=True)]
    as_small = [many / small for many, small in zip(us[Shape.MANY], us[Shape.SMALL], strict=True)]
    what = f"{side}: many rooms to the large one, median"
    spread = f"{min(ratios):.2f} - {max(ratios):.2f}"
    is_ours = side == "generator"
    return [
        *(Figure(f"{side}: CPU of a delivery, us, {shape}", f"{median(us[shape]):.1f}", "", None) for shape in Shape),
        at_most(what, median(ratios), AIM_RATIO) if is_ours else Figure(what, f"{median(ratios):.2f}", "", held=None),
        Figure(f"{side}: the same, from round to round", spread, "", held=None),
        Figure(f"{side}: many to 1 room of 10, same messages", f"{median(as_small):.2f}", "", held=None),
    ]


def _parts(
    side: str, large: Sequence[Cost], many: Sequence[Cost], large_us: Sequence[float], many_us: Sequence[float]
) -> Figure:
    parts = parts_of(
        median(large_us),
        median(cost.deliveries_a_message for cost in large),
        median(many_us),
        median(cost.deliveries_a_message for cost in many),
    )
    text = f"{parts.delivery_us:.1f} / {parts.message_us:.0f}"
    return Figure(f"{side}: us a delivery / us a message", text, "", held=None)


def _others(ratios: Sequence[float | None]) -> Figure:
    known = [ratio for ratio in ratios if ratio is not None]
    text = f"{min(known):.0%} - {max(known):.0%}" if known else "not measured"
    return Figure("other programs on this machine", text, "", held=None)
