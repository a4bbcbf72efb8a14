"""The live page in a real browser, told by the server of a run: opened late, cut off, asleep, and at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from reports.page import render
from scenarios import live_site
from scenarios.live_server import LiveServer
from tests.support.axe import grave_faults
from tests.support.chromium import VIEWS, chromium
from tests.support.documents import a_document, a_failed_document
from tests.support.tcp_relay import tcp_relay

pytestmark = [pytest.mark.browser, pytest.mark.system]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def server() -> Iterator[LiveServer]:
    with LiveServer(0) as running:
        yield running


@contextmanager
def a_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    page = browser.new_page(**options)
    page.goto(url)
    expect(page.locator("#pulse")).to_have_text("live")
    yield page
    page.close()


def snapshot(last_s: int) -> dict[str, Any]:
    """A snapshot so many seconds into the run, with the last three of them."""
    document = a_document(snapshot=True)
    first = max(0, last_s - 3)
    series = {k: v[first:last_s] if isinstance(v, list) else v for k, v in document["series"].items()}
    return document | {"series": series}


def first_second(page: Page) -> Any:
    """What is said of the first second in the chart of deliveries."""
    page.get_by_role("slider", name="Deliveries a second").press("Home")
    return page.locator("#deliveries .readout")


def test_a_page_opened_late_shows_what_one_that_was_there_shows(browser: Browser, server: LiveServer) -> None:
    """From the first second on; also one that is opened when all is over."""
    with a_page(browser, server.url) as early:
        for last_s in (3, 6, 9, 12):
            server.note(snapshot(last_s))
            expect(early.locator("#deliveries .readout")).to_contain_text(f"newest, at {last_s - 1} s")
        with a_page(browser, server.url) as late:
            expect(late.locator("#deliveries .readout")).to_contain_text("newest, at 11 s")
            for page in (early, late):
                expect(first_second(page)).to_contain_text("at 0 s: ")
            drawn = [page.locator("#connections .stroke").get_attribute("d") for page in (early, late)]
            assert drawn[0] == drawn[1]
        server.note(a_failed_document())
        with a_page(browser, server.url) as last:
            expect(last.locator("#badge")).to_have_text("FAIL")
            expect(last.locator("#notice")).to_have_text("The run's report is being written.")
            expect(first_second(last)).to_contain_text("at 0 s: ")


def test_what_is_new_is_told_and_not_asked_for(browser: Browser, server: LiveServer) -> None:
    """One request for all of it."""
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url.removeprefix(server.url)))
    page.goto(server.url)
    for last_s in (3, 6, 9):
        server.note(snapshot(last_s))
        expect(page.locator("#deliveries .readout")).to_contain_text(f"newest, at {last_s - 1} s")
    page.close()

    assert [path for path in asked if not path.startswith("data:")] == ["", "events"]


def test_a_page_that_was_cut_off_comes_back_by_itself(browser: Browser, server: LiveServer) -> None:
    """As after a sleep: it says that nobody answers, then has all that it has missed."""
    with tcp_relay(server.url.rstrip("/")) as wire, a_page(browser, wire.url) as page:
        server.note(snapshot(4))
        expect(page.locator("#deliveries .readout")).to_contain_text("newest, at 3 s")
        wire.cut()
        expect(page.get_by_role("alert")).to_have_text("no answer from /whole")
        expect(page.locator("#pulse")).to_have_text("no answer")
        server.note(snapshot(8))
        server.note(snapshot(12))
        wire.mend()
        expect(page.locator("#deliveries .readout")).to_contain_text("newest, at 11 s")
        expect(page.locator("#problem")).to_be_hidden()
        expect(first_second(page)).to_contain_text("at 1 s: ")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(page.locator("#deliveries .readout")).to_contain_text("at 5 s: ")


def test_a_stream_that_is_held_up_is_noticed_and_the_page_asks(browser: Browser, server: LiveServer) -> None:
    """A connection that is open and brings nothing, as of a machine that has slept, is given up."""
    with tcp_relay(server.url.rstrip("/")) as wire, a_page(browser, wire.url) as page:
        server.note(snapshot(4))
        expect(page.locator("#deliveries .readout")).to_contain_text("newest, at 3 s")
        wire.to_client.clear()
        expect(page.locator("#pulse")).to_have_text("no answer")
        server.note(snapshot(8))
        wire.to_client.set()
        expect(page.locator("#deliveries .readout")).to_contain_text("newest, at 7 s")
        expect(page.locator("#pulse")).to_have_text("live")


def test_where_no_stream_gets_through_the_page_asks(browser: Browser, server: LiveServer) -> None:
    """Some proxies let none through."""
    page = browser.new_page()
    page.route("**/events", lambda route: route.fulfill(status=502, body="no streams here"))
    page.goto(server.url)
    for last_s in (4, 8):
        server.note(snapshot(last_s))
        expect(page.locator("#deliveries .readout")).to_contain_text(f"newest, at {last_s - 1} s")
    expect(first_second(page)).to_contain_text("at 1 s: ")
    expect(page.locator("#problem")).to_be_hidden()
    page.close()


@VIEWS
def test_at_the_end_the_page_is_the_report_and_stays(
    browser: Browser, tmp_path: Path, width_px: int, height_px: int, scheme: Any
) -> None:
    """The server is gone, and nothing complains: neither the page nor the browser."""
    document = a_failed_document()
    report = tmp_path / "report.html"
    report.write_text(render(document, plots=False), encoding="utf-8")
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": width_px, "height": height_px}, color_scheme=scheme)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with LiveServer(0) as server:
        page.goto(server.url)
        server.note(snapshot(12))
        expect(page.locator("#badge")).to_have_text("MEASURING")
        server.note(document)
        expect(page.locator("#badge")).to_have_text("FAIL")
        expect(page.locator("#ending")).to_be_hidden()
        server.finish(tmp_path, report)
        expect(page.locator("#pulse")).to_have_text("ended")

    shown = page.frame_locator("#report-page")
    expect(page.locator("#ending")).to_have_class("ending bad")
    expect(shown.locator(".verdict")).to_contain_text("FAIL")
    expect(page.get_by_role("button", name="Report", exact=True)).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    assert page.evaluate("document.documentElement.scrollHeight") <= height_px
    page.get_by_role("button", name="As it ran").click()
    expect(page.locator("#report-place")).to_have_text(str(tmp_path))
    expect(page.locator("#pulse")).to_have_text("ended")
    page.wait_for_timeout(live_site.SLOW_S * 1000)  # until after an alarm, had there been one
    expect(page.locator("#problem")).to_be_hidden()
    page.close()
    assert complaints == []


@pytest.mark.parametrize("view", ["Report", "As it ran"])
@pytest.mark.parametrize(("width_px", "scheme"), [(390, "dark"), (1280, "light")])
def test_nothing_keeps_people_from_reading_the_end(
    browser: Browser, tmp_path: Path, width_px: int, scheme: Any, view: str
) -> None:
    """Nor from choosing between the report and the page as it was, by keys alone."""
    report = tmp_path / "report.html"
    report.write_text(render(a_document()), encoding="utf-8")
    page = browser.new_page(viewport={"width": width_px, "height": 844}, color_scheme=scheme)
    with LiveServer(0) as server:
        page.goto(server.url)
        server.note(a_document())
        server.finish(tmp_path, report)
        expect(page.locator("#pulse")).to_have_text("ended")
    button = page.get_by_role("button", name=view, exact=True)
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")

    assert grave_faults(page) == []
    page.close()


def test_a_report_that_cannot_be_had_leaves_the_page_as_it_is(browser: Browser, tmp_path: Path) -> None:
    """With the verdict, and where the run is kept."""
    page = browser.new_page()
    with LiveServer(0) as server:
        page.goto(server.url)
        server.note(a_failed_document())
        server.finish(tmp_path, tmp_path / "gone.html")
        expect(page.locator("#pulse")).to_have_text("ended")

    expect(page.locator("#badge")).to_have_text("FAIL")
    expect(page.locator("#report-place")).to_have_text(str(tmp_path))
    expect(page.locator("#ending")).to_be_hidden()
    expect(page.locator("#problem")).to_be_hidden()
    page.close()


def test_a_run_that_could_not_begin_says_why(browser: Browser) -> None:
    """And raises no alarm."""
    page = browser.new_page()
    server = LiveServer(0)
    server.__enter__()
    page.goto(server.url)
    expect(page.locator("#badge")).to_have_text("ARRIVING")
    server.__exit__(ValueError, ValueError("nobody answers at http://127.0.0.1:1"), None)

    expect(page.locator("#notice")).to_have_text("nobody answers at http://127.0.0.1:1")
    expect(page.locator("#badge")).to_have_text("OVER")
    expect(page.locator("#pulse")).to_have_text("ended")
    page.close()
