"""``make docs``: writes docs/scenarios.md of this checkout."""

from __future__ import annotations

from pathlib import Path

from scenarios.catalogue import catalogue
from scenarios.handbook import render

PAGE = Path(__file__).parents[1] / "docs" / "scenarios.md"


def page_text() -> str:
    """The page as it should be now."""
    template = Path(__file__).with_name("handbook.md.j2").read_text(encoding="utf-8")
    return render(template, catalogue())


if __name__ == "__main__":
    PAGE.write_text(page_text(), encoding="utf-8")
