"""report.html in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from reports.page import render
from tests.support.chromium import chromium
from tests.support.documents import a_document, a_failed_document, a_late_document, a_storm_document

pytestmark = [pytest.mark.browser, pytest.mark.system]

DOCUMENTS = {
    "pass": a_document(),
    "fail": a_failed_document(),
    "invalid": a_late_document(),
    "storm": a_storm_document(),
    "interrupted": a_document(interrupted=True),
    "empty": a_document(empty=True, verdict="invalid", ended_early="login_refused"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The address of a page for each document."""
    directory = tmp_path_factory.mktemp("reports")
    for name, document in DOCUMENTS.items():
        (directory / f"{name}.html").write_text(render(document), encoding="utf-8")
    return {name: (directory / f"{name}.html").as_uri() for name in DOCUMENTS}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width_px", "height_px"), [(390, 844), (1280, 800)])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_fits_and_shows_its_verdict_at_once(
    browser: Browser, reports: dict[str, str], name: str, width_px: int, height_px: int, scheme: Any
) -> None:
    """No error, nothing asked of a network, nothing wider than the screen, the verdict above the fold."""
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width_px, "height": height_px}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(reports[name])

    verdict = page.locator("#verdict").bounding_box()
    assert verdict is not None
    assert verdict["y"] + verdict["height"] < height_px
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    # One drawing of each picture is shown, and it is as wide as it should be.
    shown = [svg.bounding_box() for svg in page.locator("figure svg").all() if svg.is_visible()]
    assert len(shown) == (6 if name == "empty" else 7)
    assert all(box is not None and 300 < box["width"] <= width_px for box in shown)
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_the_pictures_change_with_the_colour_scheme(browser: Browser, reports: dict[str, str]) -> None:
    """Black text on a black page would be as good as no picture."""

    def label_colour(scheme: Any) -> str:
        page = browser.new_page(color_scheme=scheme)
        page.goto(reports["pass"])
        colour = page.locator("figure .wide text").first.evaluate("text => getComputedStyle(text).fill")
        page.close()
        return str(colour)

    assert label_colour("light") != label_colour("dark")
