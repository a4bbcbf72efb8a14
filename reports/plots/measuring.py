"""The pictures that explain how we measure: what a closed loop omits, and what the ledger knows of one message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reports import numbers
from reports.curves import MEDIAN_NINES, Line, at_nines, highest, lowest
from reports.palette import LIGHT
from reports.plots import frame

_DASHED, _DOTTED = (0, (5, 3)), (0, (1, 1.8))
# The median, 90, 95, 99 and 99.9 %; those in the middle of what a stall does are told in figures.
_NINES = (MEDIAN_NINES, 1.0, 1.30103, 2.0, 3.0)
# What comes in the same breath is drawn so far apart, or one mark would hide the other.
_APART_PX = 12
_TOLD = {1.30103: "p95", 2.0: "p99"}


@dataclass(frozen=True, slots=True)
class Loop:
    """What one way of measuring saw of a server that stood still; instants in s after the first message."""

    name: str
    messages: Line
    """(when the clock was started, ms until the last receiver was sent it), a message each."""
    frozen_s: tuple[float, float]
    quantiles: Line
    """(nines, ms) of all deliveries, as in :func:`reports.curves.quantile_curve`."""

    def waiting_count(self) -> int:
        """How many messages were under way while the server stood still."""
        from_s, to_s = self.frozen_s
        at_s, after_ms = self.messages
        return int(((at_s + after_ms / 1000 > from_s) & (at_s < to_s)).sum())


class Fate(StrEnum):
    """What became of one delivery, in the words of the ledger."""

    RECEIVED = "received"
    LATE = "late"
    LOST = "lost"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One receiver of a message; ``after_ms`` is None where it never got it."""

    user: str
    after_ms: float | None
    fates: frozenset[Fate]
    """Never empty; what was received late is RECEIVED no more."""
    overtaken_ms: float | None = None
    """When a later message of the same sender was there first."""


@dataclass(frozen=True, slots=True)
class OneMessage:
    """All deliveries of a message."""

    sender: str
    deadline_ms: float
    deliveries: Sequence[Delivered]


# --- coordinated omission ---------------------------------------------------------------------------------------


def coordinated_omission(figure: Figure, open_loop: Loop, closed_loop: Loop) -> None:
    """Above, each message of either loop, by when it was due or sent; below, the quantiles of both."""
    left, right, below, spare = frame.panels(figure, 4, columns=2, left_px=64, right_px=26)
    first, last = below.get_position(), spare.get_position()
    spare.remove()
    below.set_position((first.x0, first.y0, last.x1 - first.x0, first.height))
    most_ms = highest(open_loop.messages, closed_loop.messages)
    for axes, loop, colour in ((left, open_loop, LIGHT.first), (right, closed_loop, LIGHT.second)):
        _one_by_one(axes, loop, colour, most_ms)
    _by_quantile(below, open_loop, closed_loop)


def _one_by_one(axes: Axes, loop: Loop, colour: str, most_ms: float) -> None:
    at_s, after_ms = loop.messages
    from_s, to_s = loop.frozen_s
    frame.heading(axes, f"each message, {loop.name}")
    frame.duration_axis(axes, 0, most_ms * 1.1)
    axes.set_xlim(0, float(at_s.max()))
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda t, _: f"{t:g} s"))
    axes.axvspan(from_s, to_s, color=LIGHT.line, linewidth=0, zorder=0)
    at = ("data", "axes fraction")
    frame.note(axes, "the server stands still", (from_s, 1), (-6, -12), LIGHT.muted, xycoords=at, ha="right", size=10)
    axes.plot(at_s, after_ms, "o", color=colour, markersize=3, markeredgewidth=0, clip_on=False, zorder=3)
    text = f"{loop.waiting_count()} messages wait"
    frame.note(axes, text, (to_s, most_ms * 0.72), (10, 0), colour, xycoords="data", va="center", size=13)


def _by_quantile(axes: Axes, open_loop: Loop, closed_loop: Loop) -> None:
    delivery, service = open_loop.quantiles, closed_loop.quantiles
    frame.heading(axes, "how many of all deliveries took no longer")
    frame.duration_axis(axes, lowest(delivery, service), highest(delivery, service) * 1.2)
    last = max(float(delivery[0][-1]), float(service[0][-1]))
    axes.set_xlim(MEDIAN_NINES, last)
    axes.grid(visible=True, axis="both")
    axes.xaxis.set_major_locator(FixedLocator([nines for nines in _NINES if nines <= last]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{100 * (1 - 10**-n):.4g} %"))
    frame.stroke(axes, service, LIGHT.second, linewidth=2.2, linestyle=_DASHED)
    frame.stroke(axes, delivery, LIGHT.first, linewidth=2.6)
    for curve, colour, shift_px, side in (
        (delivery, LIGHT.first, (-6, 7), "right"),
        (service, LIGHT.second, (6, -16), "left"),
    ):
        for nines, name in _TOLD.items():
            value_ms = at_nines(curve, nines)
            if value_ms is not None:
                axes.plot(nines, value_ms, "o", color=colour, markersize=6)
                text, at = f"{name} {numbers.duration(value_ms)}", (nines, value_ms)
                frame.note(axes, text, at, shift_px, colour, xycoords="data", ha=side, size=12)
    # Quantiles only rise, so the corner below their end is free.
    frame.note(axes, open_loop.name, (1, 0), (-8, 26), LIGHT.first, ha="right", size=12)
    frame.note(axes, f"{closed_loop.name} (dashed)", (1, 0), (-8, 9), LIGHT.second, ha="right", size=12)


# --- the ledger -------------------------------------------------------------------------------------------------


def ledger_of_a_message(figure: Figure, message: OneMessage) -> None:
    """A row a receiver: when it got the message, or that it did not; above them, the books."""
    (axes,) = frame.panels(figure, left_px=104, right_px=190)
    rows = message.deliveries
    latest_ms = max([message.deadline_ms, *(row.after_ms for row in rows if row.after_ms is not None)])
    frame.heading(axes, books_of(rows))
    axes.set(xlim=(0, latest_ms * 1.06), ylim=(len(rows) - 0.5, -1.1))
    axes.set_yticks(range(len(rows)), [row.user for row in rows])
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: numbers.round_duration(ms) if ms else "sent"))
    axes.axvline(message.deadline_ms, color=LIGHT.muted, linewidth=1, linestyle=_DASHED)
    at = ("data", "axes fraction")
    frame.note(axes, "deadline", (message.deadline_ms, 1), (-5, -10), LIGHT.muted, xycoords=at, ha="right", size=10)
    for y, row in enumerate(rows):
        colour = LIGHT.first if row.fates == {Fate.RECEIVED} else LIGHT.bad
        if row.after_ms is None:
            axes.plot([0, latest_ms * 1.06], [y, y], color=colour, linewidth=1, linestyle=_DOTTED)
            axes.plot(latest_ms * 1.06, y, "x", color=colour, markersize=9, markeredgewidth=2.2, clip_on=False)
        else:
            _arrival(axes, y, row, row.after_ms, colour)
        words, where = _words(row, message.sender), ("axes fraction", "data")
        frame.note(axes, words, (1, y), (14, -4), LIGHT.muted if colour == LIGHT.first else colour, xycoords=where)


def _arrival(axes: Axes, y: float, row: Delivered, after_ms: float, colour: str) -> None:
    axes.plot([0, after_ms], [y, y], color=colour, linewidth=1.6, alpha=0.45)
    mark = {"xycoords": "data", "ha": "center", "va": "center"}
    if row.overtaken_ms is not None:
        gap_px = np.subtract(*axes.transData.transform([(after_ms, y), (row.overtaken_ms, y)]))[0]
        frame.note(axes, "◇", (row.overtaken_ms, y), (min(0.0, gap_px - _APART_PX), 0), colour, **mark, size=12)
        frame.note(axes, "after a later one (◇)", (after_ms, y), (10, -4), colour, xycoords="data", size=10)
    axes.plot(after_ms, y, "o", color=colour, markersize=8)
    if Fate.DUPLICATED in row.fates:
        frame.note(axes, "●", (after_ms, y), (_APART_PX, 0), colour, **mark, size=10)


def books_of(rows: Sequence[Delivered]) -> str:
    """The sum that must come out even, and what stands beside it."""
    fates = Counter(fate for row in rows for fate in row.fates)
    received, late = len(rows) - fates[Fate.LOST], fates[Fate.LATE]
    beside = ", ".join(f"{fates[fate]} {fate}" for fate in (Fate.DUPLICATED, Fate.REORDERED))
    of_them = f" ({late} late)" if late else ""
    return f"{len(rows)} expected  =  {received} received{of_them}  +  {fates[Fate.LOST]} lost;  besides, {beside}"


def _words(row: Delivered, sender: str) -> str:
    beside = [str(fate) for fate in (Fate.LATE, Fate.DUPLICATED, Fate.REORDERED) if fate in row.fates]
    words = ", ".join([Fate.LOST if row.after_ms is None else Fate.RECEIVED, *beside])
    return f"{words} (wrote it)" if row.user == sender else words
