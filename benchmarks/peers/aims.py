"""What we aim at, and whether it was reached: a function of the figures of one run. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers.attempts import Attempts, Figure, connecting_s, cpu, worker_rss
from benchmarks.peers.roll import FLOOR, K6_WS, LOCUST, OURS, OURS_IN_LOCUST, READER

MOST_SOCKETS = 18_000


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure and its bound, which is the most or the least that it should be."""

    what: str
    bound: float
    is_most: bool
    figure: float | None
    form: str
    """How figure and bound are written."""

    @property
    def is_met(self) -> bool | None:
        """None where the figure was not measured."""
        if self.figure is None:
            return None
        return self.figure <= self.bound if self.is_most else self.figure >= self.bound

    @property
    def verdict(self) -> str:
        """``met``, or by how much it was missed."""
        if self.figure is None:
            return "no data"
        if self.is_met:
            return "met"
        short = self.figure / self.bound - 1 if self.is_most else 1 - self.figure / self.bound
        return f"missed by {short * 100:.2g} %"

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """What, the bound, the figure, the verdict."""
        bound = f"{'at most' if self.is_most else 'at least'} {self.form.format(self.bound)}"
        figure = "no data" if self.figure is None else self.form.format(self.figure)
        return self.what, bound, figure, self.verdict


def aims(attempts: Attempts) -> list[Aim]:
    """All of them, each a ratio within one run or an absolute figure of this machine."""

    def cost_ratio(side: str, base: str) -> float | None:
        return attempts.ratio(Figure.COST, side, base, cpu)

    def most(what: str, bound: float, figure: float | None, form: str = "{:.2f} times") -> Aim:
        return Aim(what, bound, True, figure, form)

    def least(what: str, bound: float, figure: float | None, form: str = "{:.1f} times") -> Aim:
        return Aim(what, bound, False, figure, form)

    ours_to_floor = cost_ratio(OURS.name, FLOOR.name)
    carried = attempts.carried(OURS.name)
    held = attempts.typical(Figure.SOCKETS, OURS.name, worker_rss, MOST_SOCKETS)
    connecting = attempts.ratio(Figure.SOCKETS, OURS.name, FLOOR.name, connecting_s, MOST_SOCKETS)
    return [
        most("CPU of a delivery with the full ledger, to the bare C loop", 1.5, ours_to_floor),
        most("the same, stretched", 1.25, ours_to_floor),
        least("CPU of k6/ws, to ours", 4, cost_ratio(K6_WS.name, OURS.name)),
        least("CPU of Locust with websocket-client, to ours", 6, cost_ratio(LOCUST.name, OURS.name)),
        least("CPU of a reader on websockets, to ours", 3.5, cost_ratio(READER.name, OURS.name)),
        most("CPU of chatbench in Locust, to the command line", 1.1, cost_ratio(OURS_IN_LOCUST.name, OURS.name)),
        least(
            "deliveries a second on one core, with a valid verdict",
            150_000,
            None if carried is None or carried.seen is None else carried.seen.carried_per_s,
            "{:,.0f}",
        ),
        most(
            f"memory of {MOST_SOCKETS:,} sockets in one process",
            220,
            None if held is None else held / 1e6,
            "{:.0f} MB",
        ),
        most(f"time to connect {MOST_SOCKETS:,} sockets, to the bare C loop", 1.5, connecting),
    ]
