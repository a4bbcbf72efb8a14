"""`/docs` in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import chromium
from tests.support.server_process import ServerProcess, server_process

pytestmark = [pytest.mark.browser, pytest.mark.system]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width_px", "height_px"), [(360, 800), (1280, 800)])
def test_the_page_fits_and_asks_for_nothing_else(
    server: ServerProcess, browser: Browser, width_px: int, height_px: int, scheme: Any
) -> None:
    """No error, no second request, nothing wider than the screen, and its style is let in by its own policy."""
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width_px, "height": height_px}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/docs")

    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(251, 251, 249)" if scheme == "light" else "rgb(21, 24, 27)")
    assert said == []
    assert [url for url in asked if not url.endswith("/favicon.ico")] == [f"{server.url}/docs"]
    page.close()


def test_every_link_on_the_page_leads_somewhere(server: ServerProcess, browser: Browser) -> None:
    """Each endpoint in the list has its place below."""
    page = browser.new_page()
    page.goto(f"{server.url}/docs")
    links = [link.get_attribute("href") for link in page.locator("nav a").all()]

    assert len(links) > 10
    assert len(set(links)) == len(links)
    for link in links:
        assert link is not None
        assert page.locator(f"[id='{link.removeprefix('#')}']").count() == 1, link
    page.close()
