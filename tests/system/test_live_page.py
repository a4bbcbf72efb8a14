"""The live page in a real browser, with a feed that says what the test wants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import reports
from reports import numbers
from tests.support.chromium import VIEWS, chromium
from tests.support.documents import a_document, a_failed_document, a_late_document, a_storm_document
from tests.support.live_feed import DATA_URL, LiveFeed, live_feed

pytestmark = [pytest.mark.browser, pytest.mark.system]

STATES = {
    "waiting": ("waiting", None),
    "measuring": ("measure", a_document(snapshot=True, budgets=[])),
    "pass": ("over", a_document()),
    "fail": ("over", a_failed_document()),
    "invalid": ("over", a_late_document()),
    "storm": ("over", a_storm_document()),
    "empty": ("over", a_document(empty=True, verdict="invalid", ended_early="login_refused")),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def feed() -> Iterator[LiveFeed]:
    with live_feed("/", "Locust") as served:
        yield served


@contextmanager
def a_page(browser: Browser, feed: LiveFeed, complaints: list[str] | None = None, **options: Any) -> Iterator[Page]:
    """The page, once it has had its first answer; what the browser complains of is written down."""
    page = browser.new_page(**options)
    if complaints is not None:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(feed.url)
    expect(page.locator("#pulse")).to_have_text("live")
    yield page
    page.close()


def figure(page: Page, label: str) -> Any:
    """What stands under a label at the top or in the ledger."""
    return page.locator("dl > div").filter(has=page.get_by_text(label, exact=True)).locator(".value")


def readout(page: Page, chart: str) -> Any:
    return page.locator(f"#{chart} .readout")


def seconds(document: dict[str, Any], first: int, last: int) -> dict[str, Any]:
    """The document with these seconds of its series alone, as a snapshot has them."""
    series = {k: v[first:last] if isinstance(v, list) else v for k, v in document["series"].items()}
    return document | {"series": series}


@VIEWS
@pytest.mark.parametrize("state", STATES)
def test_the_page_fits_and_shows_its_state_at_once(
    browser: Browser, feed: LiveFeed, state: str, width_px: int, height_px: int, scheme: Any
) -> None:
    """No complaint, nothing wider than the screen, phase or verdict above the fold."""
    phase, document = STATES[state]
    feed.tell(phase, document)
    complaints: list[str] = []
    viewport = {"width": width_px, "height": height_px}
    with a_page(browser, feed, complaints, viewport=viewport, color_scheme=scheme) as page:
        status = page.locator("#status").bounding_box()
        assert status is not None
        assert status["y"] + status["height"] < height_px
        assert page.evaluate("document.documentElement.scrollWidth") <= width_px
        assert page.locator("figure svg").count() == 3
    assert complaints == []


def test_a_run_that_goes_on_is_shown_with_its_newest_second(browser: Browser, feed: LiveFeed) -> None:
    """The last second in large figures, the window beside it, and how long the phase lasts."""
    document = a_document(snapshot=True, budgets=[])
    feed.tell("measure", document, elapsed_s=204.7)
    with a_page(browser, feed) as page:
        newest = document["series"]["delivery_time_p99_ms"][-1]
        window = document["metrics"]["delivery_time"]["p99"]
        expect(page.locator("#badge")).to_have_text("MEASURING")
        expect(page.locator("#elapsed")).to_have_text("for 3 min 24 s")
        expect(page.locator("#scenario")).to_have_text("fanout")
        expect(page.locator("#target")).to_contain_text("http://127.0.0.1:40123, dialect reference")
        expect(figure(page, "users connected")).to_have_text("500")
        expect(figure(page, "delivery time p99")).to_have_text(numbers.duration(newest))
        expect(page.get_by_text(f"window: {numbers.duration(window)}")).to_be_visible()
        expect(figure(page, "lost")).to_have_text("0")
        expect(page).to_have_title("MEASURING - fanout - chatbench")


def test_a_run_that_is_over_shows_its_verdict_and_why(browser: Browser, feed: LiveFeed) -> None:
    """Verdict, broken budgets, lost deliveries in the colour of what is bad, and where the run is kept."""
    feed.tell("over", a_failed_document(), report="runs/the-one")
    with a_page(browser, feed) as page:
        expect(page.locator("#status")).to_have_class("verdict bad")
        expect(page.get_by_role("status").filter(has_text="FAIL")).to_contain_text("delivery_time: p(99) < 250ms")
        expect(page.locator("#report")).to_have_text("The run is kept in runs/the-one.")
        expect(page.locator("#budgets tbody tr")).to_have_count(2)
        expect(page.locator("#budgets")).to_contain_text("broken")
        expect(page.locator("#errors tbody tr").first).to_contain_text("close_1006")
        expect(page.locator("#ledger .bad dt")).to_have_text(["lost", "duplicated", "reordered"])


def test_a_doubt_is_shown_with_its_advice_worst_first(browser: Browser, feed: LiveFeed) -> None:
    """Also while the run goes on: it can still be stopped."""
    feed.tell("measure", a_late_document() | {"verdict": None})
    with a_page(browser, feed) as page:
        expect(page.locator("#doubts li")).to_have_class(["fatal", "warning"])
        expect(page.locator("#doubts li").first).to_contain_text("What to do: Use more processes")


def test_budgets_are_shown_as_they_stand_until_they_are_judged(browser: Browser, feed: LiveFeed) -> None:
    """Broken so far is in the colour of what is bad, and not final."""
    states = [
        ("delivery_time: p(99) < 1ms", "8.10 ms", "broken so far"),
        ("deliveries_lost: count == 0", "", "no data yet"),
    ]
    standing = [{"expression": expression, "seen": seen, "state": state} for expression, seen, state in states]
    feed.tell("measure", a_document(snapshot=True, budgets=standing))
    with a_page(browser, feed) as page:
        rows = page.locator("#budgets tbody tr")
        expect(rows.nth(0).locator("td")).to_have_text(list(states[0]))
        expect(rows.nth(0).locator("td").last).to_have_class("broken")
        expect(rows.nth(1).locator("td")).to_have_text(list(states[1]))
        feed.tell("over", a_failed_document())
        expect(rows.nth(0).locator("td").last).to_have_text("broken")


def test_every_worker_is_named_with_its_host(browser: Browser, feed: LiveFeed) -> None:
    """A worker without a name has its number; what it could not tell is no data."""
    document = a_storm_document()
    document["generator"]["processes"][0] |= {"name": "left_1f", "host": "bench-7", "send_lateness_p99_ms": None}
    feed.tell("measure", document)
    with a_page(browser, feed) as page:
        rows = page.locator("#processes tbody tr")
        expect(rows.nth(0).locator("td").nth(0)).to_have_text("left_1f")
        expect(rows.nth(0).locator("td").nth(1)).to_have_text("bench-7, 4102")
        expect(rows.nth(0).locator("td").nth(3)).to_have_text("no data")
        expect(rows.nth(1).locator("td").nth(0)).to_have_text("worker 2")


def test_what_is_missing_is_no_data_and_never_zero(browser: Browser, feed: LiveFeed) -> None:
    """An empty object is a document in which nothing is known."""
    complaints: list[str] = []
    for document in (None, {}, a_document(empty=True, verdict="invalid")):
        feed.tell("measure", document)
        with a_page(browser, feed, complaints) as page:
            for label in ("delivery time p50", "deliveries a second", "lost", "duplicated"):
                expect(figure(page, label)).to_have_text("no data")
            expect(readout(page, "delivery-time")).to_have_text("no data")
    assert complaints == []


def test_before_anybody_has_begun_nothing_is_said_of_plan_and_window(browser: Browser, feed: LiveFeed) -> None:
    """0 of 0 users would say that none were planned, and a window that is not open yet has no counts."""
    document = a_document(snapshot=True, counters={"users_planned": 0, "messages_sent": 0, "deliveries_received": 0})
    document["phases"] = [{"name": "login", "start_s": 0.0, "end_s": None}]
    feed.tell("arriving", document)
    with a_page(browser, feed) as page:
        expect(page.locator("#badge")).to_have_text("ARRIVING")
        expect(page.get_by_text("planned", exact=False)).to_have_count(0)
        expect(page.get_by_text("window: 0")).to_have_count(0)


def test_a_quantile_of_few_samples_says_so(browser: Browser, feed: LiveFeed) -> None:
    """There were deliveries in that second, and not enough for a p99."""
    document = a_document(snapshot=True)
    document["series"]["delivery_time_p99_ms"][-1] = None
    feed.tell("measure", document)
    with a_page(browser, feed) as page:
        expect(figure(page, "delivery time p99")).to_have_text("too few")


def test_the_charts_keep_what_the_feed_forgets(browser: Browser, feed: LiveFeed) -> None:
    """A snapshot has the last seconds alone; arrow keys still reach the first that was seen."""
    document = a_document(snapshot=True)
    feed.tell("measure", seconds(document, 5, 8))
    with a_page(browser, feed) as page:
        expect(readout(page, "deliveries")).to_contain_text("newest, at 7 s")
        feed.tell("measure", seconds(document, 8, 12))
        expect(readout(page, "deliveries")).to_contain_text("newest, at 11 s")

        chart = page.get_by_role("slider", name="Deliveries a second")
        chart.press("Home")
        expect(readout(page, "deliveries")).to_contain_text("at 5 s: ")
        expect(readout(page, "delivery-time")).to_contain_text("at 5 s: p50 ")
        chart.press("ArrowRight")
        expect(chart).to_have_attribute("aria-valuetext", re.compile("^at 6 s: .* deliveries/s$"))
        chart.press("Escape")
        expect(readout(page, "deliveries")).to_contain_text("newest, at 11 s")


def test_another_run_starts_the_charts_anew(browser: Browser, feed: LiveFeed) -> None:
    """Seconds of the run before would lie among its own."""
    feed.tell("over", a_document())
    with a_page(browser, feed) as page:
        expect(page.locator("#badge")).to_have_text("PASS")
        feed.tell("warmup", seconds(a_document(snapshot=True, run={"id": "the next"}), 5, 7))
        expect(readout(page, "deliveries")).to_contain_text("newest, at 6 s")
        chart = page.get_by_role("slider", name="Deliveries a second")
        chart.press("Home")
        expect(readout(page, "deliveries")).to_contain_text("at 5 s: ")
        expect(page.locator("#badge")).to_have_text("WARM-UP")


def test_pointing_at_a_chart_reads_that_second_in_all_of_them(browser: Browser, feed: LiveFeed) -> None:
    """What happened to the sockets in the second in which deliveries were slow?"""
    feed.tell("over", a_document())
    with a_page(browser, feed, viewport={"width": 1280, "height": 1400}) as page:
        expect(readout(page, "connections")).to_have_text("at most: 500 open")
        page.locator("#delivery-time svg").hover()
        expect(readout(page, "delivery-time")).to_have_text(re.compile("^at 14 s: p50 .* p90 .* p99 "))
        expect(readout(page, "connections")).to_have_text("at 14 s: 500 open")
        page.locator("#scenario").hover()
        expect(readout(page, "connections")).to_have_text("at most: 500 open")


def test_the_p99_that_the_plan_allows_is_drawn_where_it_is_near(browser: Browser, feed: LiveFeed) -> None:
    """One far off would press what was measured flat against the axis."""
    near, far = (
        a_document(plan={"budgets": {"value": [f"delivery_time: p(99) < {limit}"], "origin": "file"}})
        for limit in ("12ms", "2s")
    )
    feed.tell("over", near)
    with a_page(browser, feed) as page:
        expect(page.locator("#delivery-time text.budget")).to_have_text("budget: p99 under 12 ms")
        feed.tell("over", far)
        expect(page.locator("#delivery-time text.budget")).to_have_count(0)


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        (None, 200, f"no answer from {DATA_URL}"),
        (b"", 503, f"{DATA_URL} answers 503 instead of figures,"),
        (b"<html>", 200, f"{DATA_URL} answers something else than figures,"),
        (b"null", 200, f"{DATA_URL} answers what this page does not understand,"),
    ],
)
def test_a_feed_that_fails_is_told_and_asked_again(
    browser: Browser, feed: LiveFeed, body: bytes | None, status: int, what: str
) -> None:
    """The figures stay, greyed, with how long they have been old; the next answer brings everything back."""
    feed.tell("measure", a_document(snapshot=True))
    with a_page(browser, feed) as page:
        expect(page.locator("#problem")).to_be_hidden()
        feed.body, feed.status = body, status
        expect(page.get_by_role("alert")).to_have_text(what)
        expect(page.locator("#problem-since")).to_have_text(re.compile(r"^since [1-9]\d* s; still trying\.$"))
        expect(page.locator("#current")).to_have_class("stale")
        expect(figure(page, "users connected")).to_have_text("500")
        feed.tell("drain", a_document(snapshot=True))
        expect(page.locator("#badge")).to_have_text("DRAINING")
        expect(page.locator("#problem")).to_be_hidden()
        expect(page.locator("#current")).not_to_have_class("stale")


def test_hostile_names_stay_text(browser: Browser, feed: LiveFeed) -> None:
    """Names, examples and notices come from files and servers: none of them may run, or turn the page around."""
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202e"
    document = a_document(
        run={"scenario": evil, "summary": evil},
        target={"url": evil, "urls": [evil], "dialect": evil},
        plan={"budgets": {"value": [evil], "origin": evil}},
        errors=[{"kind": evil, "phase": evil, "count": 1, "example": evil}],
        doubts=[{"code": evil, "severity": evil, "detail": evil, "advice": evil}],
        budgets=[{"expression": evil, "observed": 1, "ok": False}],
        limit={"side": evil, "reason": evil},
        verdict="fail",
    )
    document["generator"]["processes"][0] |= {"name": evil, "host": evil}
    document["phases"][4]["name"] = evil
    complaints: list[str] = []
    feed.tell("over", document, notice=evil, report=evil)
    with a_page(browser, feed, complaints) as page:
        shown = evil.replace("\u202e", " ")
        for place in ("#scenario", "#notice", "#report-place", "#errors code", "#budgets code"):
            expect(page.locator(place).first).to_have_text(shown.strip())
        assert page.locator("main img, main script").count() == 0
        assert "owned" not in page.title().split("-")[0]
        feed.tell(evil, document)
        expect(page.locator("#badge")).to_have_text(shown.strip().upper())
    assert complaints == []


def test_the_page_says_numbers_like_the_reports(browser: Browser) -> None:
    """The figure that was seen live is the one in report.html."""
    script = (Path(reports.__file__).parent / "templates/live/numbers.js").read_text(encoding="utf-8")
    values = [0, *(digits * 10.0**power for power in range(-4, 8) for digits in (1, 2.5004, 9.9961, 3.14159))]
    ratios = [0.0, 0.00034, 0.0201, 0.5, 0.83, 0.9967, 1.0, 1.234]
    names = ("duration", "size", "count", "rate")
    page = browser.new_page()
    said = page.evaluate(
        f"""([names, values, ratios]) => {{
            {script}
            const functions = {{ duration, size, count, rate }};
            return [...names.map((name) => values.map((value) => functions[name](value))), ratios.map(percent)];
        }}""",
        [names, values, ratios],
    )
    page.close()

    assert said == [[getattr(numbers, name)(v) for v in values] for name in names] + [
        list(map(numbers.percent, ratios))
    ]


def test_the_way_home_works_by_keyboard(browser: Browser, feed: LiveFeed) -> None:
    """First the link, then the choice of the seconds shown, then the charts."""
    feed.tell("over", a_document())
    with a_page(browser, feed) as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Locust")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_label("the last 10 min")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_label("the whole run")).to_be_checked()
        page.keyboard.press("Tab")
        expect(page.get_by_role("slider", name="Delivery time")).to_be_focused()
