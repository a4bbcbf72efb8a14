"""report.html in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from reports import compare, compare_page, numbers
from reports.page import render
from tests.support.chromium import VIEWS, chromium
from tests.support.documents import a_document, a_failed_document, a_late_document, a_storm_document, an_incident
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.browser, pytest.mark.system]

EVIL = "</script><script>harmed = 1</script><img src=x onerror='harmed = 1'>"
DOCUMENTS = {
    "pass": a_document(),
    "fail": a_failed_document(),
    "invalid": a_late_document(),
    "storm": a_storm_document(),
    "interrupted": a_document(interrupted=True),
    "empty": a_document(empty=True, verdict="invalid", ended_early="login_refused"),
    "evil": a_document(run={"scenario": EVIL}, incidents=[an_incident(EVIL)]),
}
BLACKISH = "rgb(28, 33, 40)"  # the ink of a light page
CHARTS, CHART_PANELS, PICTURES = 6, 13, 7

# Of each plot, in the order of the page: from where to where it is seen.
SEEN = """() => Object.fromEntries([...document.querySelectorAll("figure")].flatMap((figure) =>
  [...figure.querySelectorAll(".plot")].map((plot, n) => [`${figure.id} ${n}`,
    ["aria-valuemin", "aria-valuemax"].map((name) => Number(plot.getAttribute(name)))])))"""
# How bright, on the whole, what is drawn on a chart is.
BRIGHTNESS = """(() => {
  const canvas = document.querySelector("#chart-delivery_distribution canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [sum, count] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 200) [sum, count] = [sum + data[i] + data[i + 1] + data[i + 2], count + 1];
  }
  return Math.round(sum / count);
})()"""


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


def shown_pictures(page: Page) -> list[str]:
    """The figures whose picture is seen; one drawing of each is, and it has its width."""
    shown = page.locator("figure:has(.picture svg:visible)")
    widths = [svg.bounding_box() for svg in page.locator(".picture svg").all() if svg.is_visible()]
    assert len(widths) == shown.count()
    assert all(box is not None and box["width"] > 300 for box in widths)
    return [figure.get_attribute("id") or "" for figure in shown.all()]


def seen(page: Page) -> dict[str, list[float]]:
    """From where to where each plot reaches, once it has been drawn."""
    expect(page.locator(".uplot")).to_have_count(CHART_PANELS)
    found: dict[str, list[float]] = page.evaluate(SEEN)
    return found


def plot_box(page: Page, chart: str) -> dict[str, float]:
    """Where the first plot of a chart is on the screen, without its axes."""
    surface = page.locator(f"#chart-{chart} .u-over").first
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def wait_until(page: Page, expression: str) -> None:
    """Wait until it is true, frame by frame; the page's policy forbids Playwright's own way of waiting."""
    for _ in range(int(60 * PATIENCE_S)):
        if page.evaluate(expression):
            return
        page.evaluate("new Promise(requestAnimationFrame)")
    pytest.fail(f"not true: {expression}")


def point_at(page: Page, chart: str, share: float) -> None:
    """Move the mouse over a share of the width of a plot."""
    box = plot_box(page, chart)
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


@VIEWS
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
    # Charts take the place of all pictures but one, and each is as wide as it should be.
    plots = [plot.bounding_box() for plot in page.locator(".uplot").all()]
    assert len(plots) == (0 if name == "empty" else CHART_PANELS)
    assert all(box is not None and 250 < box["width"] <= width_px for box in plots)
    assert [
        name for name in shown_pictures(page) if name not in ("chart-incidents", "chart-setup_times", "chart-fanout")
    ] == []
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()


@pytest.mark.parametrize(("kind", "width_px"), [("printed", 1280), ("without scripts", 1280), ("without scripts", 390)])
def test_where_no_script_draws_the_pictures_stay(
    browser: Browser, reports: dict[str, str], kind: str, width_px: int
) -> None:
    """On paper, and in a mail program that runs no script."""
    page = browser.new_page(
        viewport={"width": width_px, "height": 844}, java_script_enabled=kind == "printed", color_scheme="dark"
    )
    page.goto(reports["pass"])
    if kind == "printed":
        expect(page.locator(".uplot")).to_have_count(CHART_PANELS)
        page.emulate_media(media="print")

    assert len(shown_pictures(page)) == PICTURES
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert (ink == BLACKISH) == (kind == "printed")
    expect(page.locator(".chart:visible, .behind:visible")).to_have_count(0 if kind == "printed" else CHARTS)
    page.close()


def test_a_chart_that_cannot_be_drawn_leaves_its_picture(browser: Browser, tmp_path: Path) -> None:
    """A newer document, a bug of ours: better a picture than half a chart."""
    text = render(DOCUMENTS["pass"]).replace('"reads": "rate"', '"reads": "nothing that is known"')
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    with page.expect_event("pageerror"):
        page.goto((tmp_path / "report.html").as_uri())

    assert "chart-throughput" in shown_pictures(page)
    assert "chart-delivery_over_time" not in shown_pictures(page)
    page.close()


def test_a_second_that_is_pointed_at_is_read_in_every_chart(browser: Browser, reports: dict[str, str]) -> None:
    """The values are those of the document, and all charts over time point to the same second."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(reports["pass"])

    point_at(page, "delivery_over_time", 0.5)

    series = DOCUMENTS["pass"]["series"]
    told = page.locator("#chart-delivery_over_time .legend")
    second = int(re.findall(r"at (\d+) s", told.inner_text())[0])
    for name in ("p50", "p90", "p99", "max"):
        expect(told).to_contain_text(f"{name} {numbers.duration(series[f'delivery_time_{name}_ms'][second])}")
    throughput = page.locator("#chart-throughput .legend")
    expect(throughput.first).to_contain_text(f"at {second} s")
    expect(throughput.first).to_contain_text(f"sent {numbers.count(series['messages_sent'][second])}/s")
    expect(throughput.last).to_contain_text(f"received {numbers.count(series['deliveries_received'][second])}/s")
    machine = page.locator("#chart-generator_and_server .legend").first
    expect(machine).to_contain_text(f"server {numbers.percent(series['server_cpu_ratio'][second])}")

    page.mouse.move(5, 5)
    expect(told).to_contain_text("highest")
    page.close()


def test_a_quantile_that_is_pointed_at_is_read(browser: Browser, reports: dict[str, str]) -> None:
    """Corrected and uncorrected side by side, as the table has them."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(reports["pass"])

    plot = page.locator("#chart-delivery_distribution .plot")
    plot.focus()
    page.keyboard.press("Home")
    metrics = DOCUMENTS["pass"]["metrics"]
    expect(plot).to_have_attribute("aria-valuetext", re.compile("^at 50 %: "))
    for metric in ("delivery_time", "delivery_service_time"):
        expect(plot).to_have_attribute(
            "aria-valuetext", re.compile(re.escape(numbers.duration(metrics[metric]["p50"])))
        )
    page.close()


def test_the_distributions_of_a_comparison_are_read_the_same_way(browser: Browser, tmp_path: Path) -> None:
    """Of several runs a side, the median of them."""
    runs = [[a_document(delivery_p50_ms=p50_ms + n) for n in range(3)] for p50_ms in (3.0, 6.0)]
    (tmp_path / "compare.html").write_text(compare_page.render(compare.build(*runs)), encoding="utf-8")
    said: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((tmp_path / "compare.html").as_uri())

    plot = page.locator("#chart-compare .plot")
    plot.focus()
    page.keyboard.press("Home")

    middle = numbers.duration(runs[0][1]["metrics"]["delivery_time"]["p50"])
    expect(plot).to_have_attribute(
        "aria-valuetext", re.compile(f"^at 50 %: base, median of 3 runs {re.escape(middle)}")
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert said == []
    page.close()


def test_a_part_that_is_dragged_over_is_seen_closer_in_every_chart_over_time(
    browser: Browser, reports: dict[str, str]
) -> None:
    """And a double click shows the whole again."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(reports["storm"])
    whole = seen(page)

    box = plot_box(page, "delivery_over_time")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=4)
    page.mouse.up()

    expect(page.locator("#chart-throughput .zoom button").last).to_be_enabled()
    expect(page.locator("#chart-delivery_distribution .zoom button").last).to_be_disabled()
    closer = seen(page)
    over_time = [name for name in whole if not name.startswith(("chart-delivery_distribution", "chart-fanout"))]
    assert len({tuple(closer[name]) for name in over_time}) == 1
    start, end = closer[over_time[0]]
    assert 3 < end - start < 6
    assert closer["chart-delivery_distribution 0"] == whole["chart-delivery_distribution 0"]

    page.mouse.dblclick(box["x"] + box["width"] * 0.5, y)
    expect(page.locator("#chart-throughput .zoom button").last).to_be_disabled()
    assert seen(page) == whole
    page.close()


def test_a_chart_is_read_and_zoomed_with_keys_alone(browser: Browser, reports: dict[str, str]) -> None:
    """Arrows move, plus and minus zoom, Escape goes back; what is read is told to a screen reader."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(reports["pass"])
    whole = seen(page)
    plot = page.locator("#chart-delivery_over_time .plot")
    p99_ms = DOCUMENTS["pass"]["series"]["delivery_time_p99_ms"]

    plot.focus()
    for key, second in (("ArrowRight", 5), ("ArrowRight", 6), ("PageDown", 16), ("ArrowLeft", 15)):
        page.keyboard.press(key)
        expect(plot).to_have_attribute("aria-valuetext", re.compile(f"^at {second} s: "))
    expect(plot).to_have_attribute("aria-valuetext", re.compile(re.escape(f"p99 {numbers.duration(p99_ms[15])}")))

    page.keyboard.press("+")
    page.keyboard.press("+")
    start, end = seen(page)["chart-delivery_over_time 0"]
    assert end - start < 6
    assert start < 15.5 < end
    page.keyboard.press("PageDown")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("^at 25 s: "))
    assert seen(page)["chart-delivery_over_time 0"][1] >= 25
    page.keyboard.press("-")
    page.keyboard.press("Escape")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("^highest: "))
    assert seen(page) == whole
    page.close()


def test_a_finger_reads_a_chart_and_buttons_zoom_it(browser: Browser, reports: dict[str, str]) -> None:
    """A phone has neither mouse nor keys."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(reports["pass"])
    whole = seen(page)

    chart = page.locator("#chart-delivery_over_time")
    box = plot_box(page, "delivery_over_time")
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart.locator(".legend")).to_contain_text(re.compile(r"at 1[567] s"))

    chart.get_by_role("button", name="zoom in").tap()
    start, end = seen(page)["chart-delivery_over_time 0"]
    assert end - start == pytest.approx(11.5, abs=0.1)
    chart.get_by_role("button", name="show all").tap()
    assert seen(page) == whole
    context.close()


def test_a_chart_keeps_to_the_width_of_its_window(browser: Browser, reports: dict[str, str]) -> None:
    """A phone is turned, a window is dragged."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(reports["pass"])
    expect(page.locator(".uplot")).to_have_count(CHART_PANELS)

    page.set_viewport_size({"width": 390, "height": 844})

    fits = "[...document.querySelectorAll('.uplot')].every((plot) => plot.offsetWidth <= 358)"
    wait_until(page, fits)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


@pytest.mark.parametrize("width_px", [390, 768, 1280])
def test_the_figures_of_a_chart_are_there_as_a_table(browser: Browser, reports: dict[str, str], width_px: int) -> None:
    """To be copied, or heard; a wide one is scrolled by itself."""
    page = browser.new_page(viewport={"width": width_px, "height": 800})
    page.goto(reports["pass"])

    chart = page.locator("#chart-delivery_over_time")
    chart.locator("summary").click()
    page.locator("#chart-generator_and_server summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    row = chart.get_by_role("row").filter(has=page.get_by_role("rowheader", name="0:12", exact=True))
    p99_ms = DOCUMENTS["pass"]["series"]["delivery_time_p99_ms"][12]
    expect(row).to_contain_text(numbers.duration(p99_ms))
    page.close()


def test_an_incident_is_named_where_it_is_read(browser: Browser, reports: dict[str, str]) -> None:
    """Its mark says when, its name what; and a name from outside is text."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(reports["evil"])

    plot = page.locator("#chart-connections .plot").first
    plot.focus()
    page.keyboard.press("Home")
    for _ in range(18):
        page.keyboard.press("ArrowRight")
    expect(plot).to_have_attribute("aria-valuetext", re.compile(f"^at 18 s, {re.escape(EVIL)}"))
    assert page.evaluate("window.harmed") is None
    page.close()


def test_charts_change_with_the_colour_scheme_while_they_are_looked_at(
    browser: Browser, reports: dict[str, str]
) -> None:
    """Black text on a black page would be as good as no chart."""
    page = browser.new_page(color_scheme="light")
    page.goto(reports["pass"])
    expect(page.locator(".uplot")).to_have_count(CHART_PANELS)
    light = page.evaluate(BRIGHTNESS)

    page.emulate_media(color_scheme="dark")

    wait_until(page, f"({BRIGHTNESS}) !== {light}")
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
