"""What ``chatbench run --web`` serves: to whom, to which end, and that nothing stays behind."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from loadgen.errors import InputError
from scenarios import live_server
from scenarios.live_server import LiveServer
from tests.support.documents import a_document, a_failed_document
from tests.support.live_peers import Listener, ServedByRun, address_in, an_idle_listener, get
from tests.support.patience import PATIENCE_S
from tests.support.silent_port import silent_port

pytestmark = pytest.mark.system


def test_the_end_is_told_with_the_report(tmp_path: Path) -> None:
    """First the verdict, then where the report is, while there is still somebody to ask for it."""
    report = tmp_path / "report.html"
    report.write_text("<p>the report", encoding="utf-8")
    with LiveServer(0) as server:
        address = address_in(server.url)
        with Listener(ServedByRun(server)) as page:
            server.note(a_failed_document())
            verdict = page.until("over")
            server.finish(tmp_path, report)
            while not (last := page.next())["is_last"]:
                pass
            shown = get(address, last["report_url"])
        assert get(address, "/report/another").status == 404

    assert verdict["document"]["verdict"] == "fail"
    assert verdict["notice"] == "The run's report is being written."
    assert last["report"] == str(tmp_path)
    assert last["notice"] is None
    assert shown.body == b"<p>the report"
    assert shown.headers["content-type"] == "text/html"
    assert "max-age" in shown.headers["cache-control"]


def test_a_run_without_a_report_ends_without_one(tmp_path: Path) -> None:
    """With --no-html."""
    with LiveServer(0) as server, Listener(ServedByRun(server)) as page:
        server.note(a_document())
        server.finish(tmp_path, None)
        while not (last := page.next())["is_last"]:
            pass

    assert last["report_url"] is None


def test_what_ends_a_run_without_a_document_is_told() -> None:
    """The page says it, instead of an alarm that nobody answers."""
    server = LiveServer(0)
    with ExitStack() as pages:
        server.__enter__()
        page = pages.enter_context(Listener(ServedByRun(server)))
        assert page.next()["phase"] == "arriving"
        error = InputError("nobody there")
        server.__exit__(InputError, error, None)
        last = page.until("over")
        with pytest.raises(EOFError):
            page.next()

    assert (last["is_last"], last["notice"], last["document"]) == (True, "nobody there", None)


def test_nothing_is_left_when_it_has_ended() -> None:
    """No thread and no port, with a page open that never goes, and one that never reads."""
    before = set(threading.enumerate())
    with ExitStack() as pages:
        with LiveServer(0) as server:
            url = server.url
            pages.enter_context(an_idle_listener(ServedByRun(server)))
            pages.enter_context(Listener(ServedByRun(server))).next()

        assert set(threading.enumerate()) == before
        with pytest.raises(ConnectionRefusedError), socket.create_connection(address_in(url), PATIENCE_S):
            pass
        with LiveServer(f"127.0.0.1:{address_in(url)[1]}") as second:
            assert second.url == url


def test_a_page_of_the_web_cannot_read_it_by_a_name_that_leads_here() -> None:
    """DNS rebinding: the browser thinks it is the page's own server, and says by which name it came."""
    with LiveServer(0) as server:
        address = address_in(server.url)
        hosts = ["evil.example", f"evil.example:{address[1]}", "localhost.evil.example", "10.0.0.1", "[::2]:80", ""]
        assert [get(address, "/whole", Host=host).status for host in hosts] == [403] * len(hosts)
        hosts = ["localhost", "LOCALHOST:1234", "127.0.0.1", f"127.0.0.1:{address[1]}", "[::1]", "[::1]:80"]
        assert [get(address, "/whole", Host=host).status for host in hosts] == [200] * len(hosts)


def test_for_the_network_it_answers_by_any_name() -> None:
    """Who opens it to others knows by which names they come."""
    with LiveServer("0.0.0.0:0") as server:
        port = address_in(server.url)[1]

        assert get(("127.0.0.1", port), "/whole", Host="bench-1.lan").status == 200


def test_it_listens_by_ipv6_too() -> None:
    """As --prometheus does."""
    with LiveServer("[::1]:0") as server:
        assert server.url.startswith("http://[::1]:")
        assert get(("::1", address_in(server.url)[1]), "/").status == 200


def test_a_port_that_another_program_has_is_refused() -> None:
    """In a line that names it."""
    with silent_port() as port, pytest.raises(InputError) as caught:
        LiveServer(port)

    assert str(caught.value) == f"--web: cannot listen on 127.0.0.1:{port}: Address already in use"


def test_where_nothing_is_said_another_port_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual one where it is free, the same from run to run."""
    with silent_port() as port:
        monkeypatch.setattr(live_server, "USUAL_PORT", port)
        with LiveServer("auto") as elsewhere:
            assert get(address_in(elsewhere.url), "/").status == 200
            assert address_in(elsewhere.url)[1] != port
    with LiveServer("auto") as usual:
        assert usual.url == f"http://127.0.0.1:{port}/"


def test_who_talks_nonsense_leaves_no_word(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error is for the run."""
    with LiveServer(0) as server:
        address = address_in(server.url)
        for request in (
            b"",
            b"GET /eve",
            b"GET /nowhere HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\r\n\r\n",
            b"POST / HTTP/9\r\n\r\n",
        ):
            with socket.create_connection(address, PATIENCE_S) as connection:
                connection.sendall(request)
        get(address, "/")

    assert capfd.readouterr() == ("", "")
