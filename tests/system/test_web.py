"""``chatbench run --web``: a page while it goes on, the report at the end; without a port nothing starts."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.benches import FEW, LONG, WORKER, Bench, bench, chatbench, document_in
from tests.support.chromium import chromium
from tests.support.live_peers import At, Listener, address_in, get
from tests.support.patience import PATIENCE_S
from tests.support.silent_port import refusing_port, silent_port

pytestmark = [pytest.mark.browser, pytest.mark.system]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def url_said_by(running: Bench) -> str:
    """Where a run says that its page is."""
    running.wait_for("page  ")
    found = re.fullmatch(r"page  (http://127\.0\.0\.1:\d+/)\n", running.said[-1])
    assert found, running.said
    return found[1]


@contextmanager
def a_page(browser: Browser, url: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(url)
    yield page
    page.close()


def test_a_page_follows_the_run_and_becomes_its_report(browser: Browser, tmp_path: Path) -> None:
    """The command ends by itself; what the page shows then needs no server any more."""
    with bench(*FEW, "--duration", "3s", "--drain", "200ms", "--web", "0", cwd=tmp_path, pictures=True) as running:
        url = url_said_by(running)
        with a_page(browser, url) as page:
            expect(page.locator("#badge")).to_have_text("MEASURING")
            expect(page.locator("#pulse")).to_have_text("live")
            running.finish()
            document = document_in(running.directory)

            report = page.frame_locator("#report-page")
            expect(report.locator("h1")).to_have_text("smoke")
            expect(page.locator("#ending-badge")).to_have_text(document["verdict"].upper())
            expect(page.locator("#pulse")).to_have_text("ended")
            page.get_by_role("button", name="As it ran").click()
            received = f"{document['counters']['deliveries_received']:,} received"
            expect(page.locator("#books")).to_contain_text(received)
            expect(page.locator("#report-place")).to_have_text("run")
            expect(page.locator("#problem")).to_be_hidden()
            page.get_by_role("button", name="Report", exact=True).click()
            expect(report.locator("h1")).to_be_visible()
            with page.expect_download() as download:
                page.get_by_role("link", name="Save").click()
            saved = Path(download.value.path()).read_text(encoding="utf-8")

    assert saved == (running.directory / "report.html").read_text(encoding="utf-8")


def test_an_interrupt_is_told_and_leaves_no_port(tmp_path: Path) -> None:
    """As it leaves no process."""
    with bench(*LONG, "--web", "0", cwd=tmp_path) as running:
        url = url_said_by(running)
        with Listener(At(url)) as page:
            standing = page.until("measure")["document"]["budgets"]
            assert {"expression", "seen", "state"} == set(standing[0])
            running.send(signal.SIGINT)
            running.ends_with(105, within_s=PATIENCE_S)
            over = page.until("over")
            while not over["is_last"]:
                over = page.next()

    assert over["document"]["run"]["interrupted"] is True
    assert over["report"] == "run"
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address_in(url), PATIENCE_S):
        pass


def test_a_worker_that_dies_ends_the_page_in_good_order(tmp_path: Path) -> None:
    """As it ends the run: invalid, written down, and nothing left."""
    with bench(*LONG, "--web", "0", cwd=tmp_path) as running:
        url = url_said_by(running)
        with Listener(At(url)) as page:
            page.until("measure")
            running.part(WORKER).kill()
            running.ends_with(97, within_s=PATIENCE_S)
            over = page.until("over")
            while not over["is_last"]:
                over = page.next()

    assert over["document"]["verdict"] == "invalid"
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address_in(url), PATIENCE_S):
        pass


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    """In a line; no directory is left."""
    with silent_port() as port:
        ended = chatbench("run", "smoke", "--web", str(port), "--out", "run", cwd=tmp_path)

    assert (ended.returncode, ended.stdout) == (104, "")
    assert ended.stderr == f"chatbench: --web: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_reached_ends_the_page_too(tmp_path: Path) -> None:
    """In a line, as without it."""
    target = f"http://127.0.0.1:{refusing_port()}"
    ended = chatbench("run", "--web", "0", "smoke", "--target", target, "--out", "run", cwd=tmp_path)

    assert ended.returncode == 106
    assert re.fullmatch(r"page  http://\S+\nchatbench: [^\n]*cannot connect[^\n]*\n", ended.stderr), ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_quiet_run_says_nothing_of_its_page(tmp_path: Path) -> None:
    """Whoever asks for silence names the port."""
    port = refusing_port()
    with bench(*LONG, "--web", str(port), "--quiet", cwd=tmp_path) as running:
        running.part(WORKER)
        assert get(("127.0.0.1", port), "/").status == 200
        running.send(signal.SIGINT)
        running.ends_with(105, within_s=PATIENCE_S)

    assert running.all_said() == ""


SWEEP = """
[users]
count = 10
[sweep]
payload_bytes = [100, 1_000]
"""
MANY = {
    "sweep": ("run", "mine.toml"),
    "capacity": ("capacity", "mine.toml", "--budget", "deliveries_lost: count == 0"),
    "ab": ("ab", "mine.toml"),
}


@pytest.mark.parametrize("way", ["flag", "variable"])
@pytest.mark.parametrize("name", MANY)
def test_commands_of_many_runs_have_no_page(name: str, way: str, tmp_path: Path) -> None:
    """Said in a line before anything starts."""
    (tmp_path / "mine.toml").write_text(SWEEP if name == "sweep" else 'extends = "smoke"\n')
    flag = ("--web",) if way == "flag" else ()
    variables = {} if way == "flag" else {"CHATBENCH_WEB": "0"}
    ended = chatbench(*MANY[name], *flag, "--out", "there", cwd=tmp_path, **variables)

    assert (ended.returncode, ended.stdout) == (104, "")
    assert re.fullmatch(r"chatbench: --web: expected a single run for a page to follow .*\n", ended.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_a_scenario_may_follow_the_flag(tmp_path: Path) -> None:
    """``--web fanout`` is no port, and ``--web=x`` is a wrong one."""
    ended = chatbench("run", "--web", "no-such-scenario", cwd=tmp_path)
    assert ended.returncode == 104
    assert "no-such-scenario" in ended.stderr
    assert "--web" not in ended.stderr

    ended = chatbench("run", "--web", "localhost:", "smoke", cwd=tmp_path)
    assert ended.returncode == 104
    assert ended.stderr.startswith("chatbench: --web: expected a port like 8090")
