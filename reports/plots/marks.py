"""Where something went wrong by plan, on a time axis: a line at its instant, a faint span for as long as it took."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from reports.palette import LIGHT
from reports.planned import Incident, incidents
from reports.plots import frame
from reports.plots.names import GAP_PX, Place, place_names

_ROW_PX = 13.0
# Names may take so much of a panel's height.
_SHARE_OF_HEIGHT = 0.42


def mark_incidents(axes: Axes, document: dict[str, Any], *, named: bool = False) -> None:
    """Mark those within the panel; both axes must be there already. Names get rows of their own above what is drawn."""
    first_s, last_s = axes.get_xlim()
    shown = [incident for incident in incidents(document) if first_s <= incident.at_s <= last_s]
    for incident in shown:
        if incident.until_s is not None:
            axes.axvspan(incident.at_s, min(incident.until_s, last_s), color=LIGHT.muted, alpha=0.09, linewidth=0)
    at_px = [axes.transData.transform((incident.at_s, 0))[0] - axes.bbox.x0 for incident in shown]
    places = _places(axes, shown, at_px) if named else []
    rows = [place for place in places if place is not None]
    _make_room(axes, max((place.row + 1 for place in rows), default=0) * _ROW_PX)
    for incident, px in zip(shown, at_px, strict=True):
        _line(axes, incident.at_s, [place.row for place in rows if place.covers(px)])
    for incident, place in zip(shown, places, strict=False):
        if place is not None:
            _name(axes, incident, place)


def _places(axes: Axes, shown: list[Incident], at_px: list[float]) -> list[Place | None]:
    widths_px = [[frame.LETTER_PX * len(name) for name in incident.names] for incident in shown]
    most_rows = max(1, int(axes.bbox.height * _SHARE_OF_HEIGHT / _ROW_PX))
    return place_names(at_px, widths_px, axes.bbox.width, most_rows)


def _make_room(axes: Axes, room_px: float) -> None:
    """Let the value axis reach so much higher."""
    (low, high), height_px = axes.get_ylim(), axes.bbox.height
    stretch = height_px / (height_px - room_px)
    if axes.get_yscale() == "log":
        axes.set_ylim(low, low * (high / low) ** stretch)
    else:
        axes.set_ylim(low, low + (high - low) * stretch)


def _line(axes: Axes, at_s: float, crossed_rows: list[int]) -> None:
    """A thin line from bottom to top; it pauses behind names of others."""
    row_share = _ROW_PX / axes.bbox.height
    top = 1.0
    for row in sorted(crossed_rows):
        axes.axvline(at_s, 1 - row * row_share, top, color=LIGHT.muted, linewidth=1)
        top = 1 - (row + 1) * row_share
    axes.axvline(at_s, 0, top, color=LIGHT.muted, linewidth=1)


def _name(axes: Axes, incident: Incident, place: Place) -> None:
    side, shift_px = ("right", -GAP_PX) if place.is_left else ("left", GAP_PX)
    frame.note(
        axes,
        incident.names[place.choice],
        (incident.at_s, 1),
        (shift_px, -(place.row + 0.6) * _ROW_PX),
        LIGHT.muted,
        xycoords=("data", "axes fraction"),
        ha=side,
        va="center",
        size=frame.SMALL,
    )
