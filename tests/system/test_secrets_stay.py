"""Passwords, tokens and headers stay with whoever typed them: in no file, on no screen, in no list of processes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.benches import CHATBENCH, FEW, WORKER, Bench, at, bench, errors_of
from tests.support.fronts import connect_proxy
from tests.support.patience import PATIENCE_S
from tests.support.programs import listening
from tests.support.rude_servers import Talk, request_of, talking_server

pytestmark = pytest.mark.system

SHORT = (*FEW, "--rate", "40", "--duration", "500ms", "--drain", "200ms", "--events", "events.ndjson")

A_TOKEN, A_PASSWORD = "token-b7f3c1", "word-91ac5e"
A_HEADER, AN_API_KEY, ITS_OWNER = "basic-c0ffee", "key-5eed77", "url-deafed"
SECRETS = (A_TOKEN, A_PASSWORD, A_HEADER, AN_API_KEY, ITS_OWNER)
HEADERS = ("--header", f"Authorization: Bearer {A_HEADER}", "--header", f"X-Api-Key: {AN_API_KEY}")

BY_QUERY = """
[connect]
path = "/ws?token={token}"
[connect.headers]
X-Token = "{token}"
[publish]
send = "{text}"
reach = "self"
"""
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


def repeat(client: socket.socket, _: int) -> None:
    """Refuse, and show what was asked for."""
    request = request_of(client)
    client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%b" % (len(request), request))


def babble(client: socket.socket, _: int) -> None:
    """Answer with no HTTP."""
    request_of(client)
    client.sendall(b"HTTP/1.1 abc def\r\n\r\n")


def assert_kept(running: Bench, cwd: Path) -> None:
    """Nothing that the run has left or said holds a secret."""
    files = [path for path in cwd.rglob("*") if (path.is_file() and path.parent != cwd) or path.name == "events.ndjson"]
    assert {"result.json", "summary.md", "junit.xml", "run.log", "events.ndjson"} <= {path.name for path in files}
    said = running.all_said().encode()
    for secret in SECRETS:
        assert [path.name for path in files if secret.encode() in path.read_bytes()] == []
        assert secret.encode() not in said


def test_a_run_leaves_no_secret_behind(tmp_path: Path) -> None:
    """Headers, and the passwords of target and proxy; nor has a child any in its command."""
    names = "".join(f"user{n},password{n}\n" for n in range(1, 11))
    (tmp_path / "users.csv").write_text(names, encoding="utf-8")
    with (
        listening([CHATBENCH, "serve", "--port", "0", "--accounts", "10", "--exit-with-stdin"]) as server,
        connect_proxy(f"ann:{A_PASSWORD}") as proxy,
    ):
        target = server.url.replace("//", f"//me:{ITS_OWNER}@")
        there = ("--target", target, "--proxy", proxy.url.replace("//", f"//ann:{A_PASSWORD}@"))
        with bench(*SHORT, *there, *HEADERS, "--users-file", "users.csv", cwd=tmp_path, pictures=True) as running:
            worker = running.part(WORKER)
            command_line = " ".join(worker.cmdline())
            running.ends_with(0, 97)

    assert not any(secret in command_line for secret in SECRETS)
    (tmp_path / "users.csv").unlink()
    assert_kept(running, tmp_path)
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize("transport", ["picows", "websockets"])
def test_a_server_that_repeats_what_it_heard_gives_no_secret_away(transport: str, tmp_path: Path) -> None:
    """Its refusal is an example in the document, with *** where a token or a header stood."""
    (tmp_path / "tokens.txt").write_text(f"{A_TOKEN}\n", encoding="utf-8")
    (tmp_path / "query.toml").write_text(BY_QUERY, encoding="utf-8")
    load = (*SHORT, "--tokens-file", "tokens.txt", "--transport", transport, *HEADERS)
    with talking_server(repeat) as url, bench(*load, *at(url, "query.toml"), cwd=tmp_path) as running:
        document = running.ends_with(97, 99, within_s=PATIENCE_S)

    assert errors_of(document) == {("http_4xx", "connect"): 10}
    assert "token=***" in document["errors"][0]["example"]
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
