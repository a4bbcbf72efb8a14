"""Names of instants along a time axis."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.plots.names import place_names

PANEL_PX = 300.0


@given(st.lists(st.tuples(st.floats(0, PANEL_PX), st.floats(10, 200), st.floats(5, 100)), max_size=12))
def test_no_two_names_touch_and_none_leaves_the_panel(instants: list[tuple[float, float, float]]) -> None:
    """However close the instants are, at one place even; each name begins or ends at its own line."""
    instants.sort()
    at_px = [at for at, *_ in instants]
    places = place_names(at_px, [widths for _, *widths in instants], PANEL_PX, 3)
    found = [place for place in places if place is not None]

    assert all(place.left_px >= 0 and place.right_px <= PANEL_PX for place in found)
    assert not any(a.touches(b) for a, b in combinations(found, 2))
    for at, place in zip(at_px, places, strict=True):
        if place is not None:
            assert abs((place.right_px if place.is_left else place.left_px) - at) == pytest.approx(4)
            assert 0 <= place.row < 3


def test_a_name_that_has_room_is_written_in_full_at_the_top() -> None:
    """On the right of its line, but at the end of the panel on its left."""
    first, last = place_names([10, 290], [[100, 50], [100, 50]], PANEL_PX, 3)

    assert first is not None
    assert last is not None
    assert [(place.choice, place.row, place.is_left) for place in (first, last)] == [(0, 0, False), (0, 0, True)]


def test_two_at_one_instant_stand_on_both_sides_of_it() -> None:
    """Or below one another, where one side has no room."""
    middle, edge = (place_names([at, at], [[80], [80]], PANEL_PX, 3) for at in (150, 20))

    assert [place and (place.row, place.is_left) for place in middle] == [(0, False), (0, True)]
    assert [place and (place.row, place.is_left) for place in edge] == [(0, False), (1, False)]


def test_a_name_runs_across_the_line_of_another_only_where_it_must() -> None:
    """And then with its shorter text."""
    left, middle, right = place_names([100, 110, 120], [[60, 30]] * 3, PANEL_PX, 3)

    assert left is not None
    assert middle is not None
    assert right is not None
    assert (left.is_left, right.is_left) == (True, False)
    assert (middle.choice, middle.row) == (1, 1)
    assert middle.covers(120) or middle.covers(100)


def test_what_has_no_room_at_all_has_no_place() -> None:
    """A mark without a name is better than two names that nobody can read."""
    assert place_names([10, 10], [[295], [280]], PANEL_PX, 1)[0] is None
    assert place_names([10, 10], [[295], [280]], PANEL_PX, 1)[1] is not None
