"""``python -m benchmarks.report``: size of the report of an hour, and how long it takes to draw and to open.

The document is made up (hour.py); what opens the page is Chromium, from disk, until its last chart is drawn. Drawing
and opening are repeated and their medians taken. Exits with 1 where an aim is missed.
"""

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.report.hour import SECONDS, USERS, an_hour
from reports.page import render
from tests.support.chromium import CHROMIUM, QUIET

_AIM_MB, _AIM_DRAW_S, _AIM_OPEN_S = 3.0, 5.0, 1.0
_DRAWN = "performance.getEntriesByName('charts drawn')[0]?.startTime ?? null"


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure, and what it is to stay below."""

    what: str
    value: float
    aim: float
    unit: str


def main() -> int:
    """Measure and print; 1 where an aim is missed or there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often it is drawn and opened (5)")
    parser.add_argument("--keep", type=Path, help="where to leave the page")
    arguments = parser.parse_args()
    if CHROMIUM is None:
        print("benchmarks.report: no chromium here: apt-get install chromium", file=sys.stderr)
        return 1
    document = an_hour()
    render(document)  # The first call loads matplotlib's fonts.
    took_s, page = drawn(document, arguments.rounds)
    findings = [
        Finding("size of report.html", len(page.encode()) / 1e6, _AIM_MB, "MB"),
        Finding("to draw it", took_s, _AIM_DRAW_S, "s"),
        Finding("to open it, to the last chart", opened(page, arguments.rounds), _AIM_OPEN_S, "s"),
    ]
    if arguments.keep is not None:
        arguments.keep.write_text(page, encoding="utf-8")
    print(f"an hour of {USERS:,} users, {SECONDS:,} seconds of every series; medians of {arguments.rounds}\n")
    print("| | measured | aim | |\n|---|---:|---:|---|")
    for each in findings:
        held = "held" if each.value < each.aim else "MISSED"
        print(f"| {each.what} | {each.value:.2f} {each.unit} | < {each.aim:g} {each.unit} | {held} |")
    return int(any(each.value >= each.aim for each in findings))


def drawn(document: dict[str, object], rounds: int) -> tuple[float, str]:
    """Seconds of drawing the page (median), and the page."""
    took_s = []
    for _ in range(rounds):
        began = time.perf_counter()
        page = render(document)
        took_s.append(time.perf_counter() - began)
    return statistics.median(took_s), page


def opened(page: str, rounds: int) -> float:
    """Seconds from navigation until Chromium has drawn the last chart (median)."""
    took_s: list[float] = []
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-") as folder, sync_playwright() as playwright:
        path = Path(folder) / "report.html"
        path.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for _ in range(rounds):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(path.as_uri())
            while (drawn_ms := tab.evaluate(_DRAWN)) is None:
                tab.wait_for_timeout(10)
            took_s.append(drawn_ms / 1000)
            tab.close()
        browser.close()
    return statistics.median(took_s)


if __name__ == "__main__":
    sys.exit(main())
