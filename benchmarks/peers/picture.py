"""The picture of the cost: a bar for each client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from reports.palette import LIGHT
from reports.plots import frame

LEFT_PX, RIGHT_PX = 200, 130


@dataclass(frozen=True, slots=True)
class Bar:
    """One client."""

    name: str
    cpu_us: float
    times: float | None
    """That of the bare C loop in the same round, the median of the rounds."""
    is_ours: bool


def bars(figure: Figure, clients: Sequence[Bar]) -> None:
    """CPU of a delivery, from above to below."""
    (axes,) = frame.panels(figure, left_px=LEFT_PX, right_px=RIGHT_PX)
    places = range(len(clients))
    colours = [LIGHT.first if client.is_ours else LIGHT.third for client in clients]
    axes.barh(places, [client.cpu_us for client in clients], color=colours, height=0.62)
    axes.set_yticks(places, [client.name for client in clients])
    axes.tick_params(axis="y", labelcolor=LIGHT.ink)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda us, _: f"{us:g} us"))
    for place, client in zip(places, clients, strict=True):
        text = f"{client.cpu_us:.1f} us" + ("" if client.times is None else f", {client.times:.1f} times")
        frame.note(
            axes,
            text,
            (client.cpu_us, place),
            (6, 0),
            LIGHT.first if client.is_ours else LIGHT.muted,
            xycoords="data",
            va="center",
            annotation_clip=False,
        )
