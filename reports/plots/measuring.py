"""The pictures that explain how we measure: what a closed loop omits, and what the ledger knows of one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reports import numbers
from reports.palette import LIGHT
from reports.plots import frame
from reports.plots.curves import at_nines, highest, line, lowest, quantile_curve, spans

_DASHED = (0, (4, 2))
_NINES = (1.0, 2.0)


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
    fate: Fate


@dataclass(frozen=True, slots=True)
class OneMessage:
    """All deliveries of a message."""

    sender: str
    deadline_ms: float
    deliveries: Sequence[Delivered]


def coordinated_omission(figure: Figure, open_loop: dict[str, Any], closed_loop: dict[str, Any]) -> None:
    """Left: how many messages were sent in each second; right: what either loop calls the delivery time."""
    sent, times = frame.panels(figure, 2, columns=2, left_px=72, right_px=30)
    frame.heading(sent, "messages sent in each second")
    frame.count_axis(sent, highest(line(open_loop, "messages_sent")))
    window = next(span for span in spans(open_loop) if span.name == "measure")
    sent.set_xlim(0, window.end_s - window.start_s)
    sent.xaxis.set_major_formatter(FuncFormatter(lambda t, _: f"{t:g} s"))
    for document, colour, style in ((open_loop, LIGHT.first, "-"), (closed_loop, LIGHT.second, _DASHED)):
        start_s = next(span for span in spans(document) if span.name == "measure").start_s
        x, y = line(document, "messages_sent")
        whole = x - start_s < window.end_s - window.start_s - 0.5  # of the last second a part alone was measured
        frame.stroke(sent, (x[whole] - start_s, y[whole]), colour, linewidth=2.2, linestyle=style)

    delivery = quantile_curve(open_loop["metrics"]["delivery_time"]["hdr"])
    service = quantile_curve(closed_loop["metrics"]["delivery_service_time"]["hdr"])
    frame.heading(times, "time until a message arrived")
    frame.duration_axis(times, lowest(delivery, service), highest(delivery, service) * 1.3)
    times.set_xlim(0.3, max(float(delivery[0][-1]), float(service[0][-1])))
    times.xaxis.set_major_locator(FixedLocator([0.30103, 1, 2, 3]))
    times.xaxis.set_minor_locator(NullLocator())
    times.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{100 * (1 - 10**-n):.6g} %"))
    frame.stroke(times, delivery, LIGHT.first, linewidth=2.6)
    frame.stroke(times, service, LIGHT.second, linewidth=2.0, linestyle=_DASHED)
    for curve, colour, shift_px in ((delivery, LIGHT.first, 7), (service, LIGHT.second, -15)):
        for nines in _NINES:
            value_ms = at_nines(curve, nines)
            if value_ms is not None:
                times.plot(nines, value_ms, "o", color=colour, markersize=5)
                text, at = numbers.duration(value_ms), (nines, value_ms)
                frame.note(times, text, at, (-4, shift_px), colour, xycoords="data", ha="right")
    # Quantiles only rise, so the corner below their end is free.
    frame.note(times, "open loop, from when it was due", (1, 0), (-6, 26), LIGHT.first, ha="right")
    frame.note(times, "closed loop, from when it was sent (dashed)", (1, 0), (-6, 10), LIGHT.second, ha="right")


def ledger_of_a_message(figure: Figure, message: OneMessage) -> None:
    """A row a receiver: when it got the message, or that it did not."""
    (axes,) = frame.panels(figure, left_px=104, right_px=150)
    rows = message.deliveries
    latest_ms = max([message.deadline_ms, *(row.after_ms for row in rows if row.after_ms is not None)])
    axes.set(xlim=(0, latest_ms * 1.05), ylim=(len(rows) - 0.5, -0.7))
    axes.set_yticks(range(len(rows)), [row.user for row in rows])
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: numbers.round_duration(ms) if ms else "sent"))
    axes.axvline(message.deadline_ms, color=LIGHT.muted, linewidth=1, linestyle=_DASHED)
    at = ("data", "axes fraction")
    frame.note(axes, "deadline", (message.deadline_ms, 1), (-4, -10), LIGHT.muted, xycoords=at, ha="right", size=10)
    for y, row in enumerate(rows):
        good = row.fate is Fate.RECEIVED
        colour = LIGHT.first if good else LIGHT.bad
        words = _words(row)
        if row.after_ms is None:
            axes.plot(latest_ms * 1.02, y, "x", color=colour, markersize=8, markeredgewidth=2)
        else:
            axes.plot([0, row.after_ms], [y, y], color=colour, linewidth=1, alpha=0.5)
            marks = (-4, 4) if row.fate is Fate.DUPLICATED else (0,)
            for shift_px in marks:
                axes.annotate(
                    "●",
                    (row.after_ms, y),
                    xytext=(shift_px, 0),
                    textcoords="offset points",
                    color=colour,
                    ha="center",
                    va="center",
                    size=10,
                )
        frame.note(axes, words, (1, y), (8, -4), LIGHT.muted if good else LIGHT.bad, xycoords=("axes fraction", "data"))


def _words(row: Delivered) -> str:
    own = {
        Fate.LATE: "received, late",
        Fate.DUPLICATED: "received twice",
        Fate.REORDERED: "after a later one",
    }
    return own.get(row.fate, str(row.fate))
