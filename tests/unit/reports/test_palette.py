"""One set of colours for light and dark, by their roles."""

from __future__ import annotations

from dataclasses import asdict

from reports.palette import DARK, LIGHT, css, with_variables


def test_a_colour_tells_its_role() -> None:
    """No two roles share one: a picture is coloured anew by its colours."""
    for palette in (LIGHT, DARK):
        assert len(set(asdict(palette).values())) == len(asdict(palette))


def test_a_picture_takes_its_colours_from_the_page() -> None:
    """Whatever is none of ours stays as it is."""
    assert f"--ink: {LIGHT.ink};" in css(LIGHT)
    assert with_variables(f'<g fill="{LIGHT.ink}" stroke="#123456"/>') == '<g fill="var(--ink)" stroke="#123456"/>'
