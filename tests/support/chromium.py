"""Debian's Chromium, driven by Playwright: it asks nothing of a network, and runs as root."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.patience import PATIENCE_S

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = PATIENCE_S * 1000
# What does not fit has nothing to do with the colours, so each screen is seen in one of them.
VIEWS = pytest.mark.parametrize(("width_px", "height_px", "scheme"), [(390, 844, "dark"), (1280, 800, "light")])


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run it until the block ends; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
