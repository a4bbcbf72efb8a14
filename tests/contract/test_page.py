"""`GET /` and the files of the page: what they are, and what they forbid."""

import re
from collections.abc import Iterator

import pytest

from target_app.page import STATIC
from tests.support.http_answers import ask
from tests.support.server_process import ServerProcess, server_process

pytestmark = pytest.mark.system

FILES = sorted(path.name for path in STATIC.iterdir())
TYPES = {"html": "text/html", "css": "text/css", "js": "javascript", "svg": "image/svg+xml"}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


@pytest.mark.parametrize("path", ["/", *(f"/static/{name}" for name in FILES)])
def test_every_file_forbids_what_the_page_does_not_need(server: ServerProcess, path: str) -> None:
    """Only our own files, nothing inline, no frame around it, no address given away; of the type it is."""
    answer = ask(server, "GET", path)

    assert answer.status == 200
    ending = "html" if path == "/" else path.rpartition(".")[2]
    assert TYPES[ending] in answer.headers["Content-Type"]
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_file_that_did_not_change_is_not_sent_again(server: ServerProcess) -> None:
    """Asked for each time, so that page and server are of one version."""
    first = ask(server, "GET", "/static/chat.js")
    again = ask(server, "GET", "/static/chat.js", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status, again.body) == (304, b"")
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["/static/", "/static/nothing.js", "/static/../page.py", "/static/..%2Fpage.py", "/static/%2Fetc%2Fpasswd"]
)
def test_nothing_else_is_sent(server: ServerProcess, path: str) -> None:
    """No listing, and nothing from outside the folder."""
    assert ask(server, "GET", path).status == 404


def test_the_page_holds_nothing_inline_and_no_address(server: ServerProcess) -> None:
    """Whatever it loads lies beside it, so it works under any host, over https, and behind a longer path."""
    for name in FILES:
        text = (STATIC / name).read_text(encoding="utf-8")
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|wss?://", text) == [], name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", html)
    assert all(not link.startswith("/") for link in re.findall(r'(?:src|href)="([^"]+)"', html))
