"""Whole runs on every way to a server that there is, through the real command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import CHATBENCH, books_close, chatbench, code_of, document_in, unless_starved
from tests.support.certificates import Authority, authority
from tests.support.fronts import connect_proxy, tls_front, unix_front
from tests.support.programs import Listening, listening
from tests.support.silent_port import refusing_port

pytestmark = pytest.mark.system

# Six users of the reference server, who log in over HTTP and say a few words.
FEW = ("smoke", "--users", "6", "--rate", "40", "--warmup", "0s", "--duration", "1s", "--drain", "500ms")
BARE = ("--no-plots", "--no-html", "--quiet")
TRANSPORTS = pytest.mark.parametrize("transport", ["picows", "websockets"])


@pytest.fixture(scope="module")
def served() -> Iterator[Listening]:
    with listening([CHATBENCH, "serve", "--port", "0", "--accounts", "20", "--exit-with-stdin"]) as server:
        yield server


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


def a_run(cwd: Path, *flags: str, **variables: str) -> dict[str, Any]:
    """The document of a run that passed, with every message where it belongs."""

    def attempt() -> tuple[int, dict[str, Any]]:
        ended = chatbench("run", *FEW, *BARE, *flags, "--out", "run", "--force", cwd=cwd, **variables)
        assert ended.returncode in (0, 97), ended.stderr
        return ended.returncode, document_in(cwd / "run")

    code, document = unless_starved(attempt, only_counts=True)
    counts = document["counters"]
    assert code == code_of(document, 0)
    assert document["errors"] == []
    assert books_close(document)
    assert counts["deliveries_received"] == counts["deliveries_expected"] > 0
    assert document["metrics"]["login_time"]["count"] == 6
    return document


@TRANSPORTS
def test_a_run_trusts_our_own_authority_and_shows_who_it_is(
    tmp_path: Path, served: Listening, trusted: Authority, transport: str
) -> None:
    """Logins and sockets, through a front that asks for a certificate."""
    flags = ("--client-cert", str(trusted.client_certificate), "--client-key", str(trusted.client_key))
    with tls_front(served.url, trusted.server_context(asks_who=True)) as url:
        a_run(tmp_path, "--target", url, "--transport", transport, "--ca", str(trusted.certificate), *flags)


@TRANSPORTS
def test_a_run_goes_through_a_proxy_whose_password_stays_secret(
    tmp_path: Path, served: Listening, transport: str
) -> None:
    """The check, the logins and the sockets; nothing that is left behind has the password."""
    with connect_proxy("ann:open-sesame") as proxy:
        there = proxy.url.replace("//", "//ann:open-sesame@")
        document = a_run(tmp_path, "--target", served.url, "--transport", transport, "--proxy", there)
    authority = served.url.removeprefix("http://")

    assert set(proxy.asked) == {f"CONNECT {authority}", f"POST {authority}"}
    assert proxy.asked.count(f"CONNECT {authority}") == 1 + 6
    assert document["plan"]["target.proxy"] == {"value": proxy.url.replace("//", "//ann:***@"), "origin": "flag"}
    left = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert [path.name for path in left if b"open-sesame" in path.read_bytes()] == []


@TRANSPORTS
def test_a_run_goes_through_a_unix_socket(tmp_path: Path, served: Listening, transport: str) -> None:
    """Whatever host the address names."""
    socket = tmp_path / "chat.sock"
    with unix_front(served.url, socket):
        flags = ("--target", "http://chat.example.org", "--unix-socket", str(socket))
        document = a_run(tmp_path, *flags, "--transport", transport)

    assert document["target"]["url"] == "http://chat.example.org"


@TRANSPORTS
def test_a_run_reaches_a_server_by_ipv6(tmp_path: Path, transport: str) -> None:
    """Its address has brackets."""
    command = [CHATBENCH, "serve", "--host", "::1", "--port", "0", "--accounts", "20", "--exit-with-stdin"]
    with listening(command) as server:
        assert server.url.startswith("http://[::1]:")
        a_run(tmp_path, "--target", server.url, "--transport", transport)


def test_two_processes_go_the_same_way(tmp_path: Path, served: Listening) -> None:
    """The way is in the plan that each of them gets; here it is said by the environment."""
    socket = tmp_path / "chat.sock"
    with unix_front(served.url, socket):
        flags = ("--target", "http://chat", "--processes", "2")
        document = a_run(tmp_path, *flags, CHATBENCH_UNIX_SOCKET=str(socket))

    assert document["plan"]["target.unix_socket"]["origin"] == "env"


def test_a_search_and_the_doctor_go_the_same_way(tmp_path: Path, served: Listening, trusted: Authority) -> None:
    """They take the flags of a run, and hand them on."""
    flags = ("--ca", str(trusted.certificate))
    with tls_front(served.url, trusted.server_context()) as url, connect_proxy() as proxy:
        examined = chatbench("doctor", "--target", url, *flags, "--proxy", proxy.url, "--json", cwd=tmp_path)
        assert examined.returncode == 0, examined.stdout
        # The check, and for each of the two users a login and a socket, which are tunnelled as well.
        assert proxy.asked == [f"CONNECT {url.removeprefix('https://').rstrip('/')}"] * 5

        search = ("capacity", "smoke", "--target", url, *flags, "--rooms", "1", "--start", "2", "--most", "2")
        brief = ("--duration", "500ms", "--drain", "200ms", "--budget", "deliveries_lost:count==0")
        searched = chatbench(*search, *brief, "--proxy", proxy.url, "--out", "searched", cwd=tmp_path)
        assert (tmp_path / "searched" / "capacity.json").exists(), searched.stderr
        assert len(proxy.asked) > 5


# --- what is said before anything starts


def test_who_is_not_let_through_is_told_by_whom(tmp_path: Path, served: Listening) -> None:
    """One line and 106, and no run directory."""
    with connect_proxy("ann:secret") as proxy:
        there = proxy.url.replace("//", "//ann:wrong@")
        ended = chatbench("run", *FEW, "--target", served.url, "--proxy", there, cwd=tmp_path)
        assert (ended.returncode, ended.stderr) == (
            106,
            f"chatbench: {served.url}: proxy {proxy.url.removeprefix('http://')}: "
            f"it answered 407 Proxy Authentication Required\n",
        )
    gone = f"127.0.0.1:{refusing_port()}"
    ended = chatbench("run", *FEW, "--target", served.url, "--proxy", f"http://{gone}", cwd=tmp_path)

    assert ended.returncode == 106
    assert ended.stderr.startswith(f"chatbench: {served.url}: proxy {gone}: Connect")
    assert ended.stderr.count("\n") == 1
    assert [*tmp_path.glob("runs/*")] == []


@pytest.mark.parametrize("command", [("run", "smoke"), ("capacity", "smoke"), ("run", "payload_sweep")])
def test_the_embedded_server_takes_no_detour(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Refused before it is started."""
    ended = chatbench(*command, "--proxy", "http://ann:secret@127.0.0.1:1", cwd=tmp_path)

    assert (ended.returncode, ended.stderr) == (
        104,
        "chatbench: --proxy: expected together with --target (target.url), since the embedded server is reached "
        f"directly, got {json.dumps('http://ann:***@127.0.0.1:1')} alone\n",
    )
    assert [*tmp_path.iterdir()] == []
