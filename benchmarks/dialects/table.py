"""What was measured, as Markdown. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

PLAIN = "plain"
JSON_SHAPED = ("actioncable", "centrifuge", "phoenix", "reference", "socketio")
AIM_RATIO = 1.3
"""Of a message to one of ``plain``, for the JSON-shaped ones."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of one dialect in one round, us."""

    publish_us: float
    """``Dialect.publish`` alone."""
    due_us: float
    """``User.due``: marker, text, ``publish``, and what the books are told."""


@dataclass(frozen=True, slots=True)
class Costs:
    """All rounds; every dialect is in each of them."""

    sent: Sequence[Mapping[str, Sent]]
    received_us: Sequence[Mapping[str, float]]
    """A delivery of those that have something to do with it, and of ``plain``."""
    adding_nothing: Sequence[str]
    """Dialects whose deliveries go straight into the ledger."""


def ratio(rounds: Sequence[Mapping[str, T]], name: str, us: Callable[[T], float]) -> float:
    """Of a dialect to ``plain``: the median of the ratios within each round."""
    return median(us(each[name]) / us(each[PLAIN]) for each in rounds)


def too_dear(costs: Costs) -> list[str]:
    """JSON-shaped dialects whose messages cost more than is aimed at."""
    names = [name for name in JSON_SHAPED if name in costs.sent[0]]
    return [name for name in names if ratio(costs.sent, name, _due_us) > AIM_RATIO]


def table_of(costs: Costs, made: str) -> str:
    """All of it; ``made`` says how, where and when."""
    names = sorted(costs.sent[0], key=lambda name: (name != PLAIN, name))
    others = sorted(name for name in costs.received_us[0] if name != PLAIN)
    lines = [
        f"Made {made}: {len(costs.sent)} rounds, each with every dialect in it; medians, and medians of the ratios to "
        f"`{PLAIN}` within each round. A message has 200 bytes.",
        "",
        f"Sending a message, from when it is due to the bytes that the transport is handed. In all means with marker, "
        f"text and books; the aim for those that speak JSON is {AIM_RATIO} times `{PLAIN}`.",
        "",
        "| dialect | `publish` alone | ratio | in all | ratio | |",
        "|---|---|---|---|---|---|",
        *(_sent_row(costs.sent, name) for name in names),
        "",
        f"A delivery costs nothing more than with `{PLAIN}` in these: {_listed(costs.adding_nothing)}. The transport "
        "calls the ledger itself, the same function whatever the dialect. Where a frame may bring several messages, "
        "the dialect has a look at each frame:",
        "",
        "| dialect | a delivery, without the transport | ratio |",
        "|---|---|---|",
        *(_received_row(costs.received_us, name) for name in (PLAIN, *others)),
    ]
    return "\n".join(lines) + "\n"


def _sent_row(rounds: Sequence[Mapping[str, Sent]], name: str) -> str:
    cells = [f"`{name}`"]
    for us in (_publish_us, _due_us):
        cells += [f"{median(us(each[name]) for each in rounds):.2f} us", f"{ratio(rounds, name, us):.2f}"]
    return f"| {' | '.join(cells)} | {'JSON' if name in JSON_SHAPED else ''} |"


def _received_row(rounds: Sequence[Mapping[str, float]], name: str) -> str:
    us = median(each[name] for each in rounds)
    return f"| `{name}` | {us:.2f} us | {ratio(rounds, name, float):.2f} |"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _publish_us(sent: Sent) -> float:
    return sent.publish_us


def _due_us(sent: Sent) -> float:
    return sent.due_us
