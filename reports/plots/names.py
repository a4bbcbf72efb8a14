"""Where names of instants go, in rows above a time axis, so that no two touch. No drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Between a line and its name, and between two names.
GAP_PX = 4.0


@dataclass(frozen=True, slots=True)
class Place:
    """Which of its texts an instant is named with, where, and on which side of its line; row 0 is the topmost."""

    choice: int
    row: int
    left_px: float
    right_px: float
    is_left: bool

    def touches(self, other: Place) -> bool:
        """Whether the two names would run into one another."""
        return (
            self.row == other.row and self.left_px < other.right_px + GAP_PX and other.left_px < self.right_px + GAP_PX
        )

    def covers(self, at_px: float) -> bool:
        """Whether a line there would run through the name."""
        return self.left_px - GAP_PX / 2 < at_px < self.right_px + GAP_PX / 2


def place_names(
    at_px: Sequence[float], widths_px: Sequence[Sequence[float]], panel_px: float, most_rows: int
) -> list[Place | None]:
    """A place for each instant, of whose texts ``widths_px`` tells the widths, the best one first.

    Names lie beside their own line; across others only where there is no other way, and nowhere (None) where there is
    no room at all.
    """
    places: list[Place | None] = [None] * len(at_px)
    for may_cross in (False, True):
        for number, at in enumerate(at_px):
            if places[number] is None:
                taken = [place for place in places if place is not None]
                lines = [] if may_cross else at_px
                places[number] = next(
                    (
                        place
                        for place in _wishes(at, widths_px[number], most_rows, may_cross=may_cross)
                        if place.left_px >= 0
                        and place.right_px <= panel_px
                        and not any(map(place.touches, taken))
                        and not any(map(place.covers, lines))
                    ),
                    None,
                )
    return places


def _wishes(at_px: float, widths_px: Sequence[float], most_rows: int, *, may_cross: bool) -> Iterator[Place]:
    """Every place that a name could take, the best first: one that crosses others' lines had better be short."""
    choices = list(enumerate(widths_px))
    for row in range(most_rows):
        for choice, width_px in reversed(choices) if may_cross else choices:
            right_px, left_px = at_px + GAP_PX, at_px - GAP_PX
            yield Place(choice, row, right_px, right_px + width_px, is_left=False)
            yield Place(choice, row, left_px - width_px, left_px, is_left=True)
