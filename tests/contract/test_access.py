"""The ways to a server - certificates, a proxy, a unix socket, IPv6 - are the same for whatever takes them."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve, unix_serve
from websockets.http11 import Request, Response

from loadgen.dialects import HttpRequest, Opening
from loadgen.engine.dial import dialled, dialled_at_once
from loadgen.engine.http import HttpClient
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.transport.websockets_transport import WebsocketsTransport
from loadgen.errors import ErrorKind, ServerError
from loadgen.plan.access import DIRECT, Access
from tests.support.certificates import Authority, authority
from tests.support.event_loop import on_an_event_loop
from tests.support.fronts import connect_proxy
from tests.support.listener import Closed, RecordingListener
from tests.support.raw_websocket import RawPeer, raw_server
from tests.support.silent_port import refusing_port, silent_port

pytestmark = pytest.mark.system

# Long enough for a server in this process to answer, short enough to wait for one that does not.
SHORT_S = 0.2

Speak = Callable[..., Awaitable[None]]


async def over_picows(url: str, access: Access, timeout_s: float = 10.0) -> None:
    await _chat(PicowsTransport(url, (), access=access, timeout_s=timeout_s))


async def over_websockets(url: str, access: Access, timeout_s: float = 10.0) -> None:
    await _chat(WebsocketsTransport(url, (), access=access, timeout_s=timeout_s))


async def over_http(url: str, access: Access, timeout_s: float = 10.0) -> None:
    async with HttpClient(url, (), access=access, timeout_s=timeout_s, connection_count=1) as client:
        assert (await client.request(HttpRequest("GET", "/hello?to=you"))).body == b"hello you"


async def _chat(transport: PicowsTransport | WebsocketsTransport) -> None:
    listener = RecordingListener()
    await transport.connect(Opening("/chat"), listener)
    message = b"MARK" + b"x" * 100_000
    listener.open_connection.send(message)
    await listener.until(lambda: listener.received == [message])
    listener.open_connection.close()
    await listener.end()


@pytest.fixture(params=[over_picows, over_websockets, over_http])
def speak(request: pytest.FixtureRequest) -> Speak:
    """Say something to the server at a URL, and hear its answer; ServerError where that cannot be."""
    way: Speak = request.param
    return way


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


class Chat:
    """An echo server with a page beside it, and what it saw."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.came_from: list[str] = []

    async def echo(self, connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.hosts.append(request.headers["Host"])
        self.came_from.append(str(connection.remote_address[0]) if connection.remote_address else "")
        if request.path == "/chat":
            return None
        return connection.respond(HTTPStatus.OK, request.path.replace("/hello?to=", "hello "))


@asynccontextmanager
async def chat_at(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, Chat]]:
    """The address of one, and what it sees."""
    chat = Chat()
    async with serve(chat.echo, host, 0, ssl=tls, process_request=chat.answer, max_size=None) as server:
        yield _url_of(server, host, tls), chat


def _url_of(server: Server, host: str, tls: ssl.SSLContext | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{'http' if tls is None else 'https'}://{shown}:{server.sockets[0].getsockname()[1]}"


async def error_of(spoken: Awaitable[None]) -> ServerError:
    with pytest.raises(ServerError) as caught:
        await spoken
    return caught.value


# --- certificates


@on_an_event_loop
async def test_whom_the_file_names_is_trusted_and_nobody_else(speak: Speak, trusted: Authority) -> None:
    """The system does not know our authority, and another authority is not ours."""
    async with chat_at(tls=trusted.server_context()) as (url, _):
        await speak(url, Access(ca_file=str(trusted.certificate)))

        assert (await error_of(speak(url, DIRECT))).kind is ErrorKind.TLS
        other = Access(ca_file=str(trusted.client_certificate))
        assert (await error_of(speak(url, other))).kind is ErrorKind.TLS


@pytest.mark.parametrize("in_one_file", [False, True])
@on_an_event_loop
async def test_a_server_that_asks_who_we_are_is_shown_it(
    speak: Speak, trusted: Authority, tmp_path: Path, in_one_file: bool
) -> None:
    """The key has a file of its own, or stands beside the certificate."""
    both = tmp_path / "both.pem"
    both.write_bytes(trusted.client_certificate.read_bytes() + trusted.client_key.read_bytes())
    access = Access(
        ca_file=str(trusted.certificate),
        client_cert_file=str(both if in_one_file else trusted.client_certificate),
        client_key_file=None if in_one_file else str(trusted.client_key),
    )
    async with chat_at(tls=trusted.server_context(asks_who=True)) as (url, _):
        await speak(url, access)


@on_an_event_loop
async def test_who_shows_nothing_to_a_server_that_asks_is_turned_away(speak: Speak, trusted: Authority) -> None:
    """By an alert, which comes where the answer should; not every library says that it was one."""
    async with chat_at(tls=trusted.server_context(asks_who=True)) as (url, _):
        error = await error_of(speak(url, Access(ca_file=str(trusted.certificate))))

    assert error.kind in (ErrorKind.TLS, ErrorKind.RESET)


# --- a proxy


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("has_tls", [False, True])
@on_an_event_loop
async def test_everything_goes_through_the_proxy(speak: Speak, trusted: Authority, host: str, has_tls: bool) -> None:
    """Which is told where to; TLS is spoken with the server. A request over plain HTTP is the proxy's to make."""
    tls = trusted.server_context() if has_tls else None
    async with chat_at(host, tls) as (url, chat):
        with connect_proxy() as proxy:
            await speak(url, Access(ca_file=str(trusted.certificate), proxy=proxy.url))

            method = "GET" if speak is over_http and not has_tls else "CONNECT"
            assert proxy.asked == [f"{method} {urlsplit(url).netloc}"]
    assert chat.hosts == [urlsplit(url).netloc]


@on_an_event_loop
async def test_a_proxy_that_wants_a_password_gets_it(speak: Speak, trusted: Authority) -> None:
    """As its URL has it, where what is no letter is written in per cent."""
    async with chat_at(tls=trusted.server_context()) as (url, _):
        with connect_proxy("ann:p@ss/word") as proxy:
            there = proxy.url.replace("//", "//ann:p%40ss%2Fword@")
            await speak(url, Access(ca_file=str(trusted.certificate), proxy=there))

            wrong = Access(ca_file=str(trusted.certificate), proxy=proxy.url.replace("//", "//ann:guess@"))
            error = await error_of(speak(url, wrong))

    assert error.kind is ErrorKind.PROXY
    assert "407" in str(error)
    assert "guess" not in str(error)


@on_an_event_loop
async def test_a_server_that_the_proxy_does_not_reach_is_told_by_its_answer(speak: Speak) -> None:
    """It is the proxy that says so."""
    with connect_proxy() as proxy:
        error = await error_of(speak(f"https://127.0.0.1:{refusing_port()}", Access(proxy=proxy.url)))

    assert error.kind is ErrorKind.PROXY
    assert "502" in str(error)


@on_an_event_loop
async def test_a_proxy_that_is_not_there_is_no_fault_of_the_server(speak: Speak) -> None:
    """So it has a kind of its own."""
    async with chat_at() as (url, chat):
        error = await error_of(speak(url, Access(proxy=f"http://127.0.0.1:{refusing_port()}")))

    assert error.kind is ErrorKind.PROXY
    assert "127.0.0.1" in str(error)
    assert chat.hosts == []


@on_an_event_loop
async def test_a_proxy_that_says_nothing_is_waited_for_no_longer_than_a_server(speak: Speak) -> None:
    """One time-out for the whole way."""
    with silent_port() as port:
        error = await error_of(speak("http://127.0.0.1:1", Access(proxy=f"http://127.0.0.1:{port}"), SHORT_S))

    assert error.kind is ErrorKind.TIMEOUT


@pytest.mark.parametrize("speak", [over_picows, over_websockets])
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
@on_an_event_loop
async def test_a_proxy_that_talks_nonsense_opens_no_connection(speak: Speak, answer: bytes) -> None:
    """It hangs up, speaks another protocol, says what only the server can say, or does not come to an end."""

    async def talk(peer: RawPeer) -> None:
        await peer.request()
        peer.writer.write(answer)

    async with raw_server(talk) as proxy:
        error = await error_of(speak("http://127.0.0.1:1", Access(proxy=proxy.url)))

    assert error.kind is ErrorKind.PROXY
    assert str(error).startswith("proxy 127.0.0.1:")


@pytest.mark.parametrize("transport", [PicowsTransport, WebsocketsTransport])
@on_an_event_loop
async def test_connections_to_a_proxy_leave_from_the_address_that_is_named(
    transport: type[PicowsTransport | WebsocketsTransport],
) -> None:
    """It is the proxy whose ports would not suffice."""
    came_from: list[str] = []

    async def talk(peer: RawPeer) -> None:
        came_from.append(peer.writer.get_extra_info("peername")[0])
        await peer.request()

    async with raw_server(talk) as proxy:
        access = Access(proxy=proxy.url)
        away = transport("http://127.0.0.1:1", (), access=access, timeout_s=10.0, local_address="127.0.0.9")
        await error_of(away.connect(Opening("/"), RecordingListener()))

    assert came_from == ["127.0.0.9"]


# --- a unix socket


@on_an_event_loop
async def test_everything_goes_through_the_unix_socket(speak: Speak, tmp_path: Path) -> None:
    """Whatever host the address names; that host is told to the server all the same."""
    chat, path = Chat(), str(tmp_path / "chat.sock")
    async with unix_serve(chat.echo, path, process_request=chat.answer, max_size=None):
        await speak("http://chat.example.org:8000", Access(unix_socket=path))

    assert chat.hosts == ["chat.example.org:8000"]


@on_an_event_loop
async def test_a_unix_socket_where_nobody_listens_any_more_is_refused(speak: Speak, tmp_path: Path) -> None:
    """As a port would be."""
    path = tmp_path / "chat.sock"
    async with unix_serve(Chat().echo, str(path)):
        path.rename(tmp_path / "left.sock")

    assert (await error_of(speak("http://chat", Access(unix_socket=str(tmp_path / "left.sock"))))).kind in (
        ErrorKind.REFUSED,
        ErrorKind.UNREACHABLE,
    )


@pytest.mark.parametrize("transport", [PicowsTransport, WebsocketsTransport])
@pytest.mark.parametrize("how", ["close", "end", "abort"])
@on_an_event_loop
async def test_connections_end_over_a_unix_socket_as_they_do_over_tcp(
    transport: type[PicowsTransport | WebsocketsTransport], tmp_path: Path, how: str
) -> None:
    """By the server's close frame, by its hanging up, by our own abort."""
    path = str(tmp_path / "chat.sock")

    async def talk(connection: ServerConnection) -> None:
        if how == "close":
            await connection.close(4001, "bye")
        elif how == "end":
            connection.transport.abort()
        await connection.wait_closed()

    listener = RecordingListener()
    async with unix_serve(talk, path):
        await transport("http://chat", (), access=Access(unix_socket=path), timeout_s=10.0).connect(
            Opening("/"), listener
        )
        if how == "abort":
            listener.open_connection.abort()

        assert await listener.end() == (Closed(4001, "bye") if how == "close" else Closed(1006, ""))


@pytest.mark.parametrize("transport", [PicowsTransport, WebsocketsTransport])
@on_an_event_loop
async def test_who_stops_reading_a_unix_socket_hears_nothing_more(
    transport: type[PicowsTransport | WebsocketsTransport], tmp_path: Path
) -> None:
    """The descriptor is that of the open socket."""
    path = str(tmp_path / "chat.sock")
    listener = RecordingListener()
    async with unix_serve(Chat().echo, path):
        await transport("http://chat", (), access=Access(unix_socket=path), timeout_s=10.0).connect(
            Opening("/"), listener
        )
        descriptor = listener.open_connection.stop_reading()
        with socket.socket(fileno=os.dup(descriptor)) as same:
            assert same.getpeername() == path
        listener.open_connection.send(b"MARK")
        listener.open_connection.abort()

    assert listener.received == []


# --- IPv6


@on_an_event_loop
async def test_an_address_in_brackets_is_one_of_ipv6(speak: Speak, trusted: Authority) -> None:
    """With TLS and without; the Host header has the brackets, too."""
    for tls in (None, trusted.server_context()):
        async with chat_at("::1", tls) as (url, chat):
            await speak(url, Access(ca_file=str(trusted.certificate)))

        assert chat.hosts == [urlsplit(url).netloc]
        assert chat.came_from == ["::1"]


# --- the check before a run


@pytest.mark.parametrize("way", ["direct", "proxy", "unix_socket"])
@on_an_event_loop
async def test_whether_the_server_can_be_reached_is_asked_in_the_same_way(tmp_path: Path, way: str) -> None:
    """With an event loop and without; what comes of it is a socket that leads to the server."""
    chat, path = Chat(), str(tmp_path / "chat.sock")
    with connect_proxy() as proxy:
        access = {
            "direct": DIRECT,
            "proxy": Access(proxy=proxy.url),
            "unix_socket": Access(unix_socket=path),
        }[way]
        async with unix_serve(chat.echo, path, process_request=chat.answer), chat_at() as (url, _):
            port = urlsplit(url).port or 0
            for reached in (
                await dialled(access, "127.0.0.1", port),
                await asyncio.to_thread(dialled_at_once, access, "127.0.0.1", port, 10.0),
            ):
                reached.setblocking(False)
                with reached:
                    loop = asyncio.get_running_loop()
                    await loop.sock_sendall(reached, b"GET /hello?to=me HTTP/1.1\r\nHost: a\r\n\r\n")
                    assert (await loop.sock_recv(reached, 1024)).startswith(b"HTTP/1.1 200")

        assert len(proxy.asked) == (2 if way == "proxy" else 0)
