"""Every page that we make can be read by people who do not see it, do not see it well, or use no mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from reports import ab_page, calibration_page, capacity_page, compare, compare_page, page, sweep_page
from tests.support.axe import grave_faults
from tests.support.calibrations import a_calibration
from tests.support.chromium import VIEWS, chromium
from tests.support.documents import (
    a_document,
    a_failed_document,
    a_late_document,
    a_storm_document,
    an_incidents_document,
)
from tests.support.live_feed import LiveFeed, live_feed
from tests.support.pairs import a_believable_course
from tests.unit.reports.test_ab import judged
from tests.unit.reports.test_capacity import a_document as a_search
from tests.unit.reports.test_capacity import a_probe
from tests.unit.reports.test_compare import runs
from tests.unit.reports.test_sweep import a_row, a_sweep

pytestmark = [pytest.mark.browser, pytest.mark.system]

# Each has something of what its kind of page can have.
PAGES: dict[str, Callable[[], str]] = {
    "report, pass": lambda: page.render(a_document()),
    "report, fail": lambda: page.render(a_failed_document()),
    "report, invalid": lambda: page.render(a_late_document()),
    "report, incidents": lambda: page.render(an_incidents_document()),
    "report, empty": lambda: page.render(a_document(empty=True, verdict="invalid", ended_early="login_refused")),
    "compare": lambda: compare_page.render(compare.build(runs(1.0, 12), runs(1.2, 12))),
    "ab": lambda: ab_page.render(judged(a_believable_course(1.2))),
    "sweep": lambda: sweep_page.render(a_sweep(*map(a_row, (100, 1_000, 10_000))), "report.html"),
    "capacity": lambda: capacity_page.render(
        a_search(a_probe(800), a_probe(900, "broke", side="server"), a_probe(800, confirms=True), held=800, broke=900)
    ),
    "calibration": lambda: calibration_page.render(a_calibration()),
}
LIVE = {
    "waiting": ("waiting", None),
    "measuring": ("measure", a_document(snapshot=True, budgets=[])),
    "fail": ("over", a_failed_document()),
    "storm": ("over", a_storm_document()),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, by their names."""
    directory = tmp_path_factory.mktemp("pages")
    for name, render in PAGES.items():
        (directory / f"{name}.html").write_text(render(), encoding="utf-8")
    return directory


@pytest.fixture
def feed() -> Iterator[LiveFeed]:
    with live_feed("/", "Locust") as served:
        yield served


def opened(browser: Browser, url: str, width_px: int, height_px: int, scheme: Any) -> Page:
    found = browser.new_page(viewport={"width": width_px, "height": height_px}, color_scheme=scheme)
    found.goto(url)
    return found


@VIEWS
@pytest.mark.parametrize("name", PAGES)
def test_nothing_keeps_people_from_reading_a_page(
    browser: Browser, folder: Path, name: str, width_px: int, height_px: int, scheme: Any
) -> None:
    """What is folded away is unfolded first: it is part of the page."""
    shown = opened(browser, (folder / f"{name}.html").as_uri(), width_px, height_px, scheme)
    shown.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

    assert grave_faults(shown) == []
    shown.close()


def test_a_table_that_is_wider_than_the_screen_is_moved_by_keys(browser: Browser, folder: Path) -> None:
    """Without a finger or a mouse its last column would be out of reach."""
    shown = opened(browser, (folder / "report, pass.html").as_uri(), 390, 844, "light")
    times = shown.get_by_role("group", name="Times")
    times.focus()
    shown.keyboard.press("ArrowRight")

    expect(times).to_be_focused()
    for _ in range(600):
        if times.evaluate("table => table.scrollLeft") > 0:
            break
        shown.evaluate("new Promise(requestAnimationFrame)")
    assert times.evaluate("table => table.scrollLeft") > 0
    shown.close()


@VIEWS
@pytest.mark.parametrize("state", LIVE)
def test_nothing_keeps_people_from_following_a_run(
    browser: Browser, feed: LiveFeed, state: str, width_px: int, height_px: int, scheme: Any
) -> None:
    """Before it begins, while it goes on, and when it is over."""
    feed.tell(*LIVE[state])
    shown = opened(browser, feed.url, width_px, height_px, scheme)
    expect(shown.locator("#pulse")).to_have_text("live")

    assert grave_faults(shown) == []
    shown.close()
