"""How soon those whom an incident hit were back, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reports.plots import draw_all
from tests.support.documents import (
    a_document,
    a_document_of_five_storms,
    a_storm_document,
    an_incident,
    an_incidents_document,
    came_back,
)
from tests.support.drawings import drawings_of


def drawn(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Name -> the picture for a screen, and the one for a phone."""
    return {drawing.plot.name: (drawing.wide_svg, drawing.narrow_svg) for drawing in drawings_of(document)}


def test_who_came_back_is_drawn_only_where_somebody_did(tmp_path: Path) -> None:
    """One line for each incident, with its figures; what was not reached is no figure."""
    paths = draw_all(an_incidents_document(), tmp_path)
    svg, _ = drawn(an_incidents_document())["incidents"]

    assert paths[-1] == tmp_path / "incidents.png"
    for text in ("1  herd join at 9.0 s", "5  server restart at 24.0 s", ">2.60 s<", ">never<", ">95 %<"):
        assert text in svg, text
    for document in (a_document(incidents=[an_incident("abrupt_close", share=0.1)]), a_storm_document()):
        assert "incidents" not in drawn(document)


def test_more_incidents_than_there_is_room_for_are_counted() -> None:
    """Their lines are drawn all the same."""
    document = a_document_of_five_storms()
    document["incidents"] *= 4

    assert "and 10 more" in drawn(document)["incidents"][0]


def test_a_phone_shows_the_figures_below_the_lines() -> None:
    """With names in fewer letters, where those in full would run into the figures."""
    _, svg = drawn(an_incidents_document())["incidents"]

    for text in ("1  herd join at 9.0 s", "2  storm at 15.0 s", ">2.60 s<"):
        assert text in svg, text


def test_times_far_apart_are_drawn_on_a_logarithm() -> None:
    """Half of them back in 20 ms would be a line at the edge beside one that took half a minute."""
    near = an_incident("half_open", 10.0, share=0.1, **came_back(0.01, 0.02, 0.05))
    far = an_incident("half_open", 12.0, share=0.1, **came_back(1.0, 12.0, 30.0))
    (linear, _), (logarithmic, _) = (
        drawn(a_document(incidents=incidents))["incidents"] for incidents in ([near], [near, far])
    )

    assert ">0<" in linear
    assert ">0<" not in logarithmic
    assert ">10 s<" in logarithmic


def test_one_user_who_came_back_is_a_line_too() -> None:
    """All the shares are reached at once."""
    alone = an_incident("reconnect_storm", share=0.01, users_hit=1, users_back=1, back_curve_s=[0.4] * 20)
    svg, _ = drawn(a_document(incidents=[alone | {"back_50_s": 0.4, "back_95_s": 0.4, "back_100_s": 0.4}]))["incidents"]

    assert svg.count(">400 ms<") >= 3
