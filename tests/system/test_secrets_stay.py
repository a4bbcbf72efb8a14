"""Passwords, tokens and headers stay with whoever typed them: in no file, on no screen, in no list of processes."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import CHATBENCH, FEW, WORKER, Bench, at, bench, errors_of
from tests.support.canaries import (
    A_HEADER,
    A_PASSWORD,
    A_TOKEN,
    BY_FRAME,
    BY_HANDSHAKE,
    BY_POST,
    HEADERS,
    OF_FIGURES,
    files_with_secrets,
    owned,
    repeat,
    repeat_frames,
    repeat_posts,
    secrets_in,
)
from tests.support.fronts import connect_proxy
from tests.support.live_peers import At, Listener, get
from tests.support.patience import PATIENCE_S
from tests.support.programs import listening
from tests.support.rude_servers import Talk, request_of, talking_server
from tests.support.samples import scrape

pytestmark = pytest.mark.system

SHORT = (*FEW, "--rate", "40", "--duration", "500ms", "--drain", "200ms", "--events", "events.ndjson")

BY_GET = """
[login]
method = "GET"
path = "/login?password={password}"
token = "$.token"
[connect]
path = "/ws?token={token}"
[publish]
send = "{text}"
reach = "self"
"""


def babble(client: socket.socket, _: int) -> None:
    """Answer with no HTTP."""
    request_of(client)
    client.sendall(b"HTTP/1.1 abc def\r\n\r\n")


def assert_kept(running: Bench, cwd: Path) -> None:
    """Nothing that the run has left or said holds a secret."""
    files = [path for path in cwd.rglob("*") if (path.is_file() and path.parent != cwd) or path.name == "events.ndjson"]
    assert {"result.json", "summary.md", "junit.xml", "run.log", "events.ndjson"} <= {path.name for path in files}
    assert files_with_secrets(files) == []
    assert secrets_in(running.all_said()) == []


def address_after(running: Bench, words: str) -> str:
    """Where a run says that something is."""
    running.wait_for(words)
    return running.said[-1].removeprefix(words).strip()


def told_to_onlookers(page_url: str, metrics_url: str) -> str:
    """All that a run tells who looks at it, on its page and beside it, from now to its end."""
    page = At(page_url)
    told = [get(page.address, path).body.decode() for path in ("/", "/whole")]
    with suppress(EOFError, OSError, HTTPException), Listener(page) as listener:
        while True:
            told.append(json.dumps(listener.next()))
            with suppress(OSError):
                told.append(scrape(metrics_url))
    return "\n".join(told)


def example_of(document: dict[str, Any], kind: str) -> str:
    """What a document quotes of the errors of a kind."""
    return str(next(error["example"] for error in document["errors"] if error["kind"] == kind))


def test_a_run_leaves_no_secret_behind(tmp_path: Path) -> None:
    """Headers, and the passwords of target, proxy and figures; nor has a child any in its command.

    It tells none to who looks at it while it goes on.
    """
    with (
        listening([CHATBENCH, "serve", "--port", "0", "--accounts", "10", "--exit-with-stdin"]) as server,
        connect_proxy(f"ann:{A_PASSWORD}") as proxy,
    ):
        there = ("--target", owned(server.url), "--proxy", proxy.url.replace("//", f"//ann:{A_PASSWORD}@"))
        seen = ("--web", "0", "--prometheus", "0", "--target-metrics", f"{server.url}/metrics?token={OF_FIGURES}")
        with bench(*SHORT, *there, *seen, *HEADERS, cwd=tmp_path, pictures=True) as running:
            metrics_url, page_url = address_after(running, "metrics  "), address_after(running, "page  ")
            command_line = " ".join(running.part(WORKER).cmdline())
            told = told_to_onlookers(page_url, metrics_url)
            document = running.ends_with(0, 97)

    assert document["counters"]["deliveries_received"] > 0
    assert "chatbench_run_info" in told
    assert '"phase": "over"' in told
    assert secrets_in(command_line, told) == []
    assert_kept(running, tmp_path)
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize("transport", ["picows", "websockets"])
def test_a_server_that_repeats_what_it_heard_gives_no_secret_away(transport: str, tmp_path: Path) -> None:
    """Its refusal is an example in the document, with *** where a token or a header stood.

    Be the token in the query, a header, a cookie or a subprotocol.
    """
    (tmp_path / "tokens.txt").write_text(f"{A_TOKEN}\n", encoding="utf-8")
    (tmp_path / "handshake.toml").write_text(BY_HANDSHAKE, encoding="utf-8")
    header = ("--header", f"Authorization: Bearer {A_HEADER}")
    load = (*SHORT, "--tokens-file", "tokens.txt", "--transport", transport, *HEADERS, *header)
    with talking_server(repeat) as url, bench(*load, *at(url, "handshake.toml"), cwd=tmp_path) as running:
        document = running.ends_with(97, 99, within_s=PATIENCE_S)

    assert errors_of(document) == {("http_4xx", "connect"): 10}
    assert "token=***" in document["errors"][0]["example"]
    assert_kept(running, tmp_path)


@pytest.mark.parametrize(
    ("dialect", "talk", "kind", "shown"),
    [
        (BY_FRAME, repeat_frames, "error_frame", "AUTH ***"),
        (BY_POST, repeat_posts, "http_4xx", "POST /say/***"),
    ],
    ids=["frame", "post"],
)
def test_a_token_that_is_repeated_after_the_handshake_is_not_shown(
    dialect: str, talk: Talk, kind: str, shown: str, tmp_path: Path
) -> None:
    """In a frame, in the reason of a close, in the answer to a message over HTTP."""
    (tmp_path / "tokens.txt").write_text(f"{A_TOKEN}\n", encoding="utf-8")
    (tmp_path / "dialect.toml").write_text(dialect, encoding="utf-8")
    load = (*SHORT, "--tokens-file", "tokens.txt")
    with talking_server(talk) as url, bench(*load, *at(url, "dialect.toml"), cwd=tmp_path) as running:
        document = running.ends_with(97, 99, 106, within_s=PATIENCE_S)

    (tmp_path / "tokens.txt").unlink()
    assert shown in example_of(document, kind)
    assert_kept(running, tmp_path)


@pytest.mark.parametrize("talk", [repeat, babble])
def test_a_password_in_the_address_of_a_login_is_not_shown(talk: Talk, tmp_path: Path) -> None:
    """Neither where the server repeats it, nor where our own library would quote the address."""
    (tmp_path / "users.csv").write_text(f"ann,{A_PASSWORD}\n" * 10, encoding="utf-8")
    (tmp_path / "get.toml").write_text(BY_GET, encoding="utf-8")
    load = (*SHORT, "--users-file", "users.csv")
    with talking_server(talk) as url, bench(*load, *at(url, "get.toml"), cwd=tmp_path) as running:
        running.ends_with(106, within_s=PATIENCE_S)

    assert_kept(running, tmp_path)
