"""The colours, once for light and once for dark; a page names them as CSS variables.

Blue and orange keep apart for every kind of colour blindness, and nothing is told by colour alone. Text has a
contrast of at least 4.5 to 1 on its surface (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """A colour for each role, as ``#rrggbb``; no two roles share one, so a colour tells its role."""

    surface: str
    raised: str  # a card on the surface
    line: str  # rules and grid
    ink: str
    muted: str  # second-rank text
    first: str  # what we measure: delivery time, the generator
    second: str  # what stands beside it: service time, the server
    third: str  # the far tail
    window: str  # the measured window
    warmup: str
    good: str
    bad: str
    unsure: str


LIGHT = Palette(
    surface="#ffffff",
    raised="#f6f7f9",
    line="#e1e4e9",
    ink="#1c2128",
    muted="#5b6470",
    first="#1f66b0",
    second="#b4540a",
    third="#7d8794",
    window="#eef4fb",
    warmup="#f4f4f2",
    good="#1a7350",
    bad="#b42a22",
    unsure="#8a5a00",
)
DARK = Palette(
    surface="#14171c",
    raised="#1c2027",
    line="#30363f",
    ink="#e7eaee",
    muted="#a1aab6",
    first="#71b3f5",
    second="#f0a055",
    third="#8b95a2",
    window="#1a222d",
    warmup="#1d1e20",
    good="#5fcf9f",
    bad="#ff8d83",
    unsure="#e8b84e",
)


def css(palette: Palette) -> str:
    """The palette as CSS declarations: ``--ink: #1c2128; ...``."""
    return " ".join(f"--{role}: {colour};" for role, colour in asdict(palette).items())


def with_variables(svg: str) -> str:
    """The SVG with each colour of LIGHT replaced by its CSS variable, so that the page decides."""
    roles = {colour: role for role, colour in asdict(LIGHT).items()}
    return re.sub(r"#[0-9a-f]{6}\b", lambda m: f"var(--{roles[m[0]]})" if m[0] in roles else m[0], svg)
