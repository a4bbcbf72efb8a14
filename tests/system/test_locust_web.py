"""Locust's web UI on this engine, in a real browser: what is typed there, shown there, and written down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.benches import books_close, code_of, document_in, eventually
from tests.support.chromium import chromium
from tests.support.locust_process import BARE_LOCUST, LocustProcess, locust
from tests.support.silent_port import refusing_port
from tests.support.visitors import a_visitor

pytestmark = [pytest.mark.browser, pytest.mark.system]

EASY = ("--rooms", "1", "--rate", "20", "--warmup", "0s", "--drain", "500ms", "--out", "run")
WEB = ("--web-host", "127.0.0.1", "--web-port", "0")

locust_that_draws = partial(locust, CHATBENCH_HTML="true")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody with Locust's page before them."""

    page: Page
    url: str
    host: str
    """Of the server under test, as the form proposes it."""

    def start(self, users: int, users_per_s: float, host: str | None = None) -> None:
        """Fill in the form and press Start."""
        form, new = self.page.locator("input[name=host]"), self.button("New")
        expect(form.or_(new)).to_be_visible()
        if new.is_visible():
            new.click()
        form.fill(host or self.host)
        self.wants(users, users_per_s)
        self.button("Start").click()

    def edit(self, users: int) -> None:
        """Have another number of users while the run goes on."""
        self.button("Edit").click()
        self.wants(users, 50)
        self.button("Update").click()

    def wants(self, users: int, users_per_s: float) -> None:
        """Fill in how many, and how many a second."""
        self.page.locator("input[name=userCount]").fill(str(users))
        self.page.locator("input[name=spawnRate]").fill(f"{users_per_s:g}")

    def stop(self) -> dict[str, Any]:
        """Press Stop and wait for the end; what our page is told then."""
        self.button("Stop").click()
        expect(self.button("New")).to_be_visible()
        told = self.told()
        assert told["phase"] == "over"
        return told

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def row(self, name: str) -> Locator:
        """The row of Locust's table with that name."""
        cell = self.page.get_by_role("cell", name=name, exact=True)
        return self.page.locator("tbody tr").filter(has=cell)

    def told(self) -> dict[str, Any]:
        """What our page is told each second."""
        return self._asked(f"{self.url}/chatbench/data")

    def counted(self, name: str) -> int:
        """How many requests Locust's own table has in a row; 0 where there is none."""
        rows = self._asked(f"{self.url}/stats/requests")["stats"]
        return sum(row["num_requests"] for row in rows if row["name"] == name)

    def state(self) -> str:
        """Locust's."""
        return str(self._asked(f"{self.url}/stats/requests")["state"])

    def connection_count(self) -> int:
        """How many sockets the server says are open."""
        return int(self._asked(f"{self.host}/healthz")["connections"])

    def sees_sockets(self, count: int) -> None:
        """Wait until the server has so many."""
        eventually(lambda: self.connection_count() == count, f"{count} sockets")

    def _asked(self, url: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.page.request.get(url).json()
        return answer


@contextmanager
def an_operator(browser: Browser, running: LocustProcess) -> Iterator[Operator]:
    """Open Locust's page; at the end of the block no script in it must have complained."""
    url = running.web_url()
    with a_visitor(browser, url) as visitor:
        host = visitor.page.locator("input[name=host]").input_value()
        yield Operator(visitor.page, url, host)


def received(told: dict[str, Any]) -> int:
    """Deliveries in the measured window, as our page is told."""
    count: int = told["document"]["counters"]["deliveries_received"] if told["document"] else 0
    return count


def window_start_s(told: dict[str, Any]) -> float:
    """When the measured window opened, after the run's start; infinite where it is not open yet."""
    starts_s = (phase["start_s"] for phase in told["document"]["phases"] if phase["name"] == "measure")
    return float(next(starts_s, math.inf))


def test_a_host_where_nobody_answers_is_a_message_in_the_form(browser: Browser, tmp_path: Path) -> None:
    """And nothing starts: no user, no run directory; with the right host the same form does."""
    with (
        locust("smoke", *EASY, *WEB, cwd=tmp_path) as running,
        an_operator(browser, running) as operator,
    ):
        operator.start(20, 50, f"http://127.0.0.1:{refusing_port()}")
        expect(operator.page.get_by_text("cannot connect")).to_be_visible()
        assert operator.state() == "ready"
        assert operator.told()["phase"] == "waiting"
        assert not running.directory.exists()

        operator.start(20, 50)
        operator.sees_sockets(20)


def test_a_run_from_the_page_shows_what_its_document_says(browser: Browser, tmp_path: Path) -> None:
    """Users follow the form to the socket, Reset begins anew, and after Stop all three tell the same figures."""
    with (
        locust_that_draws("smoke", *EASY, *WEB, cwd=tmp_path) as running,
        an_operator(browser, running) as operator,
    ):
        operator.start(20, 50)
        for name in ("login", "connect", "join", "send", "ack", "delivery"):
            expect(operator.row(name)).to_be_visible()
        operator.sees_sockets(20)
        for users in (40, 10):
            operator.edit(users)
            operator.sees_sockets(users)
        eventually(lambda: operator.counted("connect") == 40, "all of them in the table")

        opened_s = window_start_s(operator.told())
        operator.button("Reset").click()
        eventually(lambda: opened_s < window_start_s(operator.told()) < math.inf, "a new window")
        expect(operator.row("connect").get_by_role("cell").nth(2)).to_have_text("0")
        eventually(lambda: received(operator.told()) > 100, "deliveries in it")

        told = operator.stop()
        document = document_in(running.directory)
        assert told["document"] == document
        assert told["report"] == str(running.directory.relative_to(tmp_path))
        counts = document["counters"]
        assert books_close(document)
        assert counts["users_planned"] == counts["connections_opened"] == 40
        assert counts["connections_dropped"] == counts["deliveries_lost"] == 0
        assert counts["deliveries_received"] == counts["deliveries_expected"] == operator.counted("delivery")
        assert counts["messages_sent"] == operator.counted("send")
        assert window_start_s(told) > opened_s

        operator.page.locator("#chatbench-link").click()
        expect(operator.page).to_have_url(f"{operator.url}/chatbench")
        expect(operator.page.locator("#scenario")).to_have_text("smoke")
        expect(operator.page.locator("#badge")).to_have_text(document["verdict"].upper())
        expect(operator.page.locator("#books")).to_contain_text(f"{counts['deliveries_received']:,} received")
        report = operator.page.frame_locator("#report-page")
        expect(report.locator("#verdict strong")).to_have_text(document["verdict"].upper())

        running.interrupt()
        running.ends_with(code_of(document, 0))


def test_a_run_that_is_stopped_in_the_ramp_leaves_the_next_one_alone(browser: Browser, tmp_path: Path) -> None:
    """It is written down as interrupted, nobody of it stays, and the one after it has its own figures only."""
    with (
        locust_that_draws("smoke", *EASY, *WEB, cwd=tmp_path) as running,
        an_operator(browser, running) as operator,
    ):
        operator.start(50, 5)
        eventually(lambda: operator.connection_count() > 0, "the first")
        stopped = operator.stop()["document"]
        assert stopped == document_in(tmp_path / "run")
        assert stopped["run"]["interrupted"] is True
        assert books_close(stopped)
        assert stopped["counters"]["connections_opened"] < 50
        assert operator.connection_count() == 0

        page = operator.page.context.new_page()
        page.goto(f"{operator.url}/chatbench")
        expect(page.locator("#report-view")).to_be_visible()
        expect(page.locator("#ending-badge")).to_have_text("INTERRUPTED")
        page.get_by_role("button", name="As it ran").click()
        expect(page.locator("#live-view")).to_be_visible()
        page.get_by_role("button", name="Report").click()

        operator.start(20, 50)
        expect(page.locator("#live-view")).to_be_visible()
        expect(page.locator("#ending")).to_be_hidden()
        eventually(lambda: received(operator.told()) > 100, "deliveries of the second run")
        document = operator.stop()["document"]
        assert document == document_in(tmp_path / "run-2")
        counts = document["counters"]
        assert document["run"]["interrupted"] is False
        assert counts["users_planned"] == counts["connections_opened"] == operator.counted("connect") == 20
        assert counts["deliveries_received"] == counts["deliveries_expected"] == operator.counted("delivery")

        running.interrupt()
        assert running.finish() == code_of(document, 0)
        eventually(lambda: not running.processes(), "the end of all its processes")


SLOW_TO_LEAVE = """
import gevent
from locust import User, task
from scenarios.locustfile import ChatUser


class Lingerer(User):
    fixed_count = 1

    @task
    def wait(self):
        gevent.sleep(0.1)

    def on_stop(self):
        gevent.sleep(5)
"""


def test_a_run_that_is_long_in_stopping_is_seen_to_stop(browser: Browser, tmp_path: Path) -> None:
    """Locust's page asks every 2 s, and once it is told of anything but a run it would not ask again."""
    (tmp_path / "mine.py").write_text(SLOW_TO_LEAVE, encoding="utf-8")
    options = ("-f", "mine.py", *EASY, *WEB, "--stop-timeout", "20s")
    with (
        locust(*options, cwd=tmp_path, program=BARE_LOCUST) as running,
        an_operator(browser, running) as operator,
    ):
        operator.start(5, 50)
        operator.sees_sockets(4)
        operator.stop()
        assert operator.state() == "stopped"


WITH_LOGIN = """
from flask import redirect
from flask_login import UserMixin, login_user
from locust import events
from scenarios.locustfile import ChatUser


class Somebody(UserMixin):
    id = "somebody"


@events.init.add_listener
def guard(environment, **_):
    web_ui = environment.web_ui
    web_ui.app.secret_key = "made up"
    web_ui.login_manager.user_loader(lambda _: Somebody())
    web_ui.auth_args = {"username_password_callback": "/come-in"}

    @web_ui.app.route("/come-in", methods=["POST"])
    def come_in():
        login_user(Somebody())
        return redirect("/")
"""


def test_our_page_is_behind_locusts_login(browser: Browser, tmp_path: Path) -> None:
    """Neither the page nor its figures are told to strangers, nor does a stranger's form reach a server."""
    (tmp_path / "mine.py").write_text(WITH_LOGIN, encoding="utf-8")
    with locust("-f", "mine.py", *EASY, *WEB, "--web-login", cwd=tmp_path, program=BARE_LOCUST) as running:
        url = running.web_url()
        context = browser.new_context()
        for path in ("/chatbench", "/chatbench/data"):
            answer = context.request.get(url + path, max_redirects=0)
            assert answer.status == 302
            assert answer.headers["location"].startswith("/login")
        asked: dict[str, str | float | bool] = {"user_count": "5", "spawn_rate": "5", "host": "http://127.0.0.1:1"}
        answer = context.request.post(f"{url}/swarm", form=asked, max_redirects=0)
        assert answer.status == 302

        assert context.request.post(f"{url}/come-in").ok
        page = context.new_page()
        page.goto(f"{url}/chatbench")
        expect(page.locator("#badge")).to_have_text("WAITING")
        assert context.request.get(f"{url}/chatbench/data").json()["phase"] == "waiting"
        assert "cannot connect" in context.request.post(f"{url}/swarm", form=asked).json()["message"]
        context.close()
