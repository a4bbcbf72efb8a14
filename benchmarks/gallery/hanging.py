"""Puts pages into docs/gallery: the page, its two pictures, and its section; what else hangs there stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.gallery.catalogue import Shown, files_of, in_order, readme, sections_of
from benchmarks.pictures.pages import a_browser, draw_page

GALLERY = Path("docs/gallery")
PICTURE_SIZE_PX = (1200, 900)


def hang(shown: Sequence[Shown], out: Path, order: Sequence[str]) -> None:
    """Write and draw them; sections stand in ``order``, and those that it does not name after them."""
    out.mkdir(parents=True, exist_ok=True)
    listing = out / "README.md"
    sections = sections_of(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    with a_browser() as browser:
        for each in shown:
            page, light, dark = (out / name for name in files_of(each.name))
            page.write_text(each.html, encoding="utf-8")
            draw_page(browser, page, light, PICTURE_SIZE_PX)
            draw_page(browser, page, dark, PICTURE_SIZE_PX, dark=True)
            sections[each.name] = each.section
    listing.write_text(readme(in_order(sections, order)), encoding="utf-8")
