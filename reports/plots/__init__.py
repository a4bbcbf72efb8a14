"""The pictures of a run, for a page and as files; this folder is the only door to matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reports.incidents import returns
from reports.plots import fanout, frame, incidents, pictures, target
from reports.target_series import note_of


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture: its name, how to read it, how it is drawn; sizes are (width, height) in pixels."""

    name: str
    title: str
    caption: str
    draw: Callable[..., None]  # (figure, document)
    wide: tuple[int, int]
    narrow: tuple[int, int] = (350, 260)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture as two SVG elements for one page: one for a phone, one for anything wider."""

    plot: Plot
    wide_svg: str
    narrow_svg: str


PLOTS = (
    Plot(
        "delivery_over_time",
        "Delivery time over time",
        "From the moment a message was due until a receiver had it, for what was due in each second.",
        pictures.delivery_over_time,
        wide=(1080, 340),
        narrow=(350, 300),
    ),
    Plot(
        "delivery_distribution",
        "Distribution of delivery times",
        "At 99 %: all but the slowest delivery in a hundred. Where the lines part, messages were sent late.",
        pictures.delivery_distribution,
        wide=(530, 320),
        narrow=(350, 280),
    ),
    Plot(
        "throughput",
        "Throughput",
        "Messages that users sent, and deliveries that reached a receiver, in each second.",
        pictures.throughput,
        wide=(530, 320),
        narrow=(350, 300),
    ),
    Plot(
        "connections",
        "Connections",
        "Sockets open at the end of each second, and what was opened and closed within it.",
        pictures.connections,
        wide=(530, 320),
        narrow=(350, 300),
    ),
    Plot(
        "setup_times",
        "Getting in",
        "Line: fastest to slowest. Dot: the median. Bar: up to 90 %.",
        pictures.setup_times,
        wide=(530, 320),
    ),
    Plot(
        "generator_and_server",
        "Generator and server",
        "What both cost this machine, what others took of it, and how late the generator was: the less, the truer "
        "the figures.",
        pictures.generator_and_server,
        wide=(1080, 460),
        narrow=(350, 1020),
    ),
)

FANOUT = Plot(
    "fanout",
    "From the first receiver to the last",
    "Of each message: when the first receiver had it, and the last; dashed, how long it took from one to the other. "
    "Between them lies each delivery.",
    fanout.first_to_last,
    wide=(1080, 320),
    narrow=(350, 300),
)

INCIDENTS = Plot(
    "incidents",
    "How soon they were back",
    "The share of those hit that was in its rooms again, since the incident began. Dots: 50, 95 and 100 %.",
    incidents.how_soon_they_were_back,
    wide=(1080, 300),
    narrow=(350, 500),
)


def plots_of(document: dict[str, Any]) -> tuple[Plot, ...]:
    """PLOTS; FANOUT where messages reached several, what the server told, INCIDENTS after which somebody was back."""
    *most, last = PLOTS
    several = (FANOUT,) if fanout.has_fanout(document) else ()
    back = (INCIDENTS,) if returns(document) else ()
    return (*most, *several, last, *_of_the_server(document), *back)


def _of_the_server(document: dict[str, Any]) -> tuple[Plot, ...]:
    """What it told of itself, where it was asked: as high as there is to tell."""
    if not (document.get("target_series") or {}).get("series"):
        return ()
    caption = "As it told of itself each second, on the time axis of the run."
    return (
        Plot(
            "target_figures",
            "The server's own figures",
            " ".join(text for text in (caption, note_of(document)) if text),
            target.figures_of_the_server,
            wide=target.size_px(document, narrow=False),
            narrow=target.size_px(document, narrow=True),
        ),
    )


def draw_all(document: dict[str, Any], directory: Path) -> list[Path]:
    """Write each picture to ``directory`` as NAME.png, and name the files."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for plot in plots_of(document):
        path = directory / f"{plot.name}.png"
        frame.write_png(path, plot.wide, plot.title, partial(plot.draw, document=document))
        paths.append(path)
    return paths


def draw_for_page(document: dict[str, Any]) -> list[Drawing]:
    """Each picture as SVG elements for one HTML page, which defines the variables of the palette."""

    def svg(plot: Plot, size_px: tuple[int, int]) -> str:
        return frame.svg_element(plot.name, size_px, partial(plot.draw, document=document))

    return [Drawing(plot, svg(plot, plot.wide), svg(plot, plot.narrow)) for plot in plots_of(document)]
