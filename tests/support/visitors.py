"""People who open the chat page in a real Chromium."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from target_app.settings import Settings
from target_app.tokens import Tokens
from tests.support.chromium import PATIENCE_MS
from tests.support.server_process import SECRET


def a_token(user: str, roles: list[str] | None = None, lifetime_s: int = 600) -> str:
    """A token that a server with the tests' own secret believes."""
    return Tokens(Settings(secret=SECRET, token_lifetime_s=lifetime_s)).issue(user, roles or ["member"])


@dataclass
class Visitor:
    """One browser of their own, with the page open."""

    page: Page
    # What went wrong in the page; a request that failed is no fault of the page.
    faults: list[str] = field(default_factory=list)

    def log_in(self, name: str, password: str | None = None) -> None:
        """Use the form."""
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Password").fill(password or name.replace("user", "password"))
        self.page.get_by_role("button", name="Log in").click()

    def show_token(self, token: str) -> None:
        """Paste a token."""
        self.page.get_by_text("I have a token").click()
        self.page.get_by_label("Token", exact=True).fill(token)
        self.page.get_by_role("button", name="Connect", exact=True).click()

    def enter(self, name: str) -> None:
        """Be logged in, and in the room that is shown."""
        self.show_token(a_token(name))
        self.is_in()

    def is_in(self) -> None:
        """Wait until the room that is shown is ready."""
        expect(self.page.locator("#conversation-note")).to_have_text(re.compile("here$"))

    def join(self, room: str) -> None:
        """Go into one more room."""
        self.page.get_by_label("Name of a room").fill(room)
        self.page.get_by_label("Name of a room").press("Enter")
        expect(self.page.locator("#conversation-name")).to_have_text(room)
        self.is_in()

    def say(self, text: str) -> None:
        """Write, and press Enter."""
        self.composer.fill(text)
        self.composer.press("Enter")

    @property
    def composer(self) -> Locator:
        return self.page.locator("#composer-text")

    @property
    def texts(self) -> Locator:
        """The texts that are shown, in their order."""
        return self.page.locator("#messages .text")

    @property
    def status(self) -> Locator:
        """What is said of the connection."""
        return self.page.locator("#status-text")

    def fate_of(self, text: str) -> Locator:
        """What has become of the message with that text, of which there is one."""
        return self.page.locator("#messages .message", has_text=text).locator(".fate")


@contextmanager
def a_visitor(browser: Browser, url: str, **options: Any) -> Iterator[Visitor]:
    """Open the page in a browser of its own; at the end of the block, it must have done so without a fault."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    visitor = Visitor(context.new_page())
    visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))
    visitor.page.on("dialog", lambda dialog: visitor.faults.append(f"dialog: {dialog.message}"))
    visitor.page.on("console", lambda said: visitor.faults.extend(filter(_is_fault, [said.text])))
    visitor.page.goto(url)
    yield visitor
    context.close()
    assert not visitor.faults, visitor.faults


def _is_fault(text: str) -> bool:
    return "Failed to load resource" not in text and "WebSocket connection to" not in text
