"""What the HTTP client promises, kept against real servers: one that keeps the rules, and one that breaks them."""

import asyncio
import gzip
from pathlib import Path

import pytest
from aiohttp import web

from loadgen.dialects import HttpRequest
from loadgen.engine.http import MAX_ANSWER_BYTES, HttpClient
from loadgen.errors import ErrorKind, ServerError
from loadgen.plan.access import DIRECT, Access
from tests.support.certificates import self_signed
from tests.support.event_loop import on_an_event_loop
from tests.support.http_peer import http_server
from tests.support.raw_websocket import RawPeer, raw_server
from tests.support.silent_port import refusing_port, silent_port

pytestmark = pytest.mark.system

ANYTHING = HttpRequest("GET", "/anything")
# Long enough for a server in this process to answer, short enough to wait for one that does not.
SHORT_S = 0.2


def a_client(
    base_url: str,
    headers: tuple[tuple[str, str], ...] = (),
    *,
    access: Access = DIRECT,
    timeout_s: float = 10.0,
    connection_count: int = 10,
) -> HttpClient:
    return HttpClient(base_url, headers, access=access, timeout_s=timeout_s, connection_count=connection_count)


async def error_of(client: HttpClient, request: HttpRequest = ANYTHING) -> ServerError:
    with pytest.raises(ServerError) as caught:
        await client.request(request)
    return caught.value


# --- requests


@on_an_event_loop
async def test_a_request_leaves_as_it_is_written() -> None:
    """Method, path, headers of the run and of the request, type and body; nothing is quoted a second time."""

    async def repeat(request: web.BaseRequest) -> web.Response:
        names = ("X-Run", "X-Own", "Content-Type")
        headers = {name: request.headers[name] for name in names}
        return web.json_response([request.method, request.raw_path, headers, (await request.read()).decode()])

    path = "/log%20in/%2Fann?password=%26%3D%25%2B%20%23%22&empty=&name=Zo%C3%AB"
    request = HttpRequest("PUT", path, (("X-Own", "1"),), b'{"a": "\xc3\xab"}', "application/json")
    async with http_server(repeat) as url, a_client(url, (("X-Run", "2"),)) as client:
        answer = await client.request(request)

    headers = b'{"X-Run": "2", "X-Own": "1", "Content-Type": "application/json"}'
    assert answer.body == b'["PUT", "%b", %b, "{\\"a\\": \\"\\u00eb\\"}"]' % (path.encode(), headers)


@on_an_event_loop
async def test_a_header_goes_before_the_name_in_the_address() -> None:
    """Both at once were a crash; alone, the name in the address is told to the server."""
    seen = []

    async def note(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response()

    bearer = ("authorization", "Bearer abc")
    async with http_server(note) as url:
        there = url.replace("//", "//me:mine@")
        async with a_client(there) as client:
            await client.request(ANYTHING)
            await client.request(HttpRequest("GET", "/", (bearer,)))
        async with a_client(there, (bearer,)) as client:
            await client.request(ANYTHING)

    assert seen == ["Basic bWU6bWluZQ==", "Bearer abc", "Bearer abc"]


# --- answers


@pytest.mark.parametrize("status", [200, 201, 401, 404, 500])
@on_an_event_loop
async def test_status_headers_cookies_and_body_come_back(status: int) -> None:
    """Whatever the status: what it means is for the dialect to say."""

    async def answer_it(_: web.BaseRequest) -> web.Response:
        response = web.Response(status=status, body=b"\x00\xffbody", headers={"X-Token": "abc"})
        response.set_cookie("session", "s1", httponly=True)
        response.set_cookie("other", "o1")
        return response

    async with http_server(answer_it) as url, a_client(url) as client:
        answer = await client.request(ANYTHING)

    assert answer.status == status
    assert ("X-Token", "abc") in answer.headers
    assert sorted(answer.cookies) == [("other", "o1"), ("session", "s1")]
    assert answer.body == b"\x00\xffbody"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@on_an_event_loop
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    """A server must not send our load, or a password, elsewhere."""

    async def be_there(_: RawPeer) -> None:
        pass

    async with raw_server(be_there) as elsewhere:

        async def refer(_: web.BaseRequest) -> web.Response:
            return web.Response(status=status, headers={"Location": elsewhere.url})

        async with http_server(refer) as url, a_client(url) as client:
            answer = await client.request(HttpRequest("POST", "/login", body=b"a password"))

    assert answer.status == status
    assert elsewhere.connection_count == 0


@on_an_event_loop
async def test_connections_are_used_again() -> None:
    """A thousand logins are not a thousand handshakes."""
    ports = set()

    async def note_port(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.Response(status=401, text="x" * 1000)

    async with http_server(note_port) as url, a_client(url, connection_count=2) as client:
        for _ in range(3):
            await asyncio.gather(*[client.request(ANYTHING) for _ in range(10)])

    assert len(ports) == 2


@on_an_event_loop
async def test_a_cookie_stays_with_the_answer_it_came_in() -> None:
    """One user's session must never be another's."""
    seen = []

    async def set_a_cookie(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        response = web.Response()
        response.set_cookie("session", "ann")
        return response

    async with http_server(set_a_cookie) as url, a_client(url) as client:
        await client.request(ANYTHING)
        await client.request(HttpRequest("GET", "/", (("Cookie", "session=bob"),)))
        await client.request(ANYTHING)

    assert seen == [None, "session=bob", None]


def unpacked_later() -> bytes:
    """A hundredth of a megabyte that unpacks to ten, again and again."""
    return gzip.compress(bytes(10_000_000))


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (b"Content-Length: 1000000000000", b"x" * 100_000),
        (b"Connection: close", b"x" * 100_000),
        (b"Transfer-Encoding: chunked", b"2710\r\n" + b"x" * 10_000 + b"\r\n"),
        (b"Content-Encoding: gzip\r\nConnection: close", unpacked_later()),
        (b"X-Endless: 1", b""),
    ],
    ids=["told", "not told", "in chunks", "packed", "headers"],
)
@on_an_event_loop
async def test_an_answer_without_end_is_cut_off(head: bytes, chunk: bytes) -> None:
    """More than 1 MB is no answer to a login; a server cannot fill our memory with it."""

    async def pour(peer: RawPeer) -> None:
        await peer.request()
        peer.writer.write(b"HTTP/1.1 200 OK\r\n" + head + (b"\r\n\r\n" if chunk else b"\r\n"))
        try:
            while True:
                peer.writer.write(chunk or b"X-Endless: 1\r\n" * 1000)
                await peer.writer.drain()
        except ConnectionError:
            return

    async with raw_server(pour) as server, a_client(server.url) as client:
        error = await error_of(client)

    assert error.kind is ErrorKind.BAD_RESPONSE
    assert (str(MAX_ANSWER_BYTES) if chunk else "Too many headers") in str(error)


@on_an_event_loop
async def test_an_answer_of_a_megabyte_is_read() -> None:
    """The limit itself is allowed."""

    async def answer_it(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * MAX_ANSWER_BYTES)

    async with http_server(answer_it) as url, a_client(url) as client:
        assert len((await client.request(ANYTHING)).body) == MAX_ANSWER_BYTES


# --- no answer


@pytest.mark.parametrize("started", [False, True])
@on_an_event_loop
async def test_a_server_that_hangs_is_a_timeout(started: bool) -> None:
    """Before its answer, or in the middle of it."""

    async def hang(peer: RawPeer) -> None:
        await peer.request()
        if started:
            peer.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await peer.end()

    async with raw_server(hang) as server, a_client(server.url, timeout_s=SHORT_S) as client:
        assert (await error_of(client)).kind is ErrorKind.TIMEOUT


@pytest.mark.parametrize("scheme", ["http", "https"])
@on_an_event_loop
async def test_a_port_that_accepts_and_says_nothing_is_a_timeout(scheme: str) -> None:
    """Also where TLS comes first."""
    with silent_port() as port:
        async with a_client(f"{scheme}://127.0.0.1:{port}", timeout_s=SHORT_S) as client:
            assert (await error_of(client)).kind is ErrorKind.TIMEOUT


@pytest.mark.parametrize("how", ["reset", "end"])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", ErrorKind.RESET),
        (b"HTTP/1.1 200", ErrorKind.RESET),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", ErrorKind.BAD_RESPONSE),
    ],
    ids=["no answer", "half a head", "half a body"],
)
@on_an_event_loop
async def test_a_connection_that_is_cut_is_a_reset(how: str, answer: bytes, kind: ErrorKind) -> None:
    """With RST or without; once the answer has begun, it is an answer cut short."""

    async def cut(peer: RawPeer) -> None:
        await peer.request()
        peer.writer.write(answer)
        await peer.writer.drain()
        if how == "reset":
            peer.reset()

    async with raw_server(cut) as server, a_client(server.url) as client:
        error = await error_of(client)

    assert error.kind is kind
    assert str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@on_an_event_loop
async def test_a_port_where_nobody_listens_is_refused(host: str) -> None:
    """Also where a name stands for several addresses."""
    async with a_client(f"http://{host}:{refusing_port()}") as client:
        assert (await error_of(client)).kind is ErrorKind.REFUSED


@on_an_event_loop
async def test_a_name_that_cannot_be_asked_for_is_dns() -> None:
    """A label has 63 characters at most."""
    async with a_client(f"http://{'x' * 64}.invalid") as client:
        assert (await error_of(client)).kind is ErrorKind.DNS


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.7\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=["not HTTP", "no status", "no length", "no chunk", "not gzip", "a header too long"],
)
@on_an_event_loop
async def test_nonsense_is_a_bad_response(answer: bytes) -> None:
    """What cannot be read is data, and never a crash."""

    async def talk_nonsense(peer: RawPeer) -> None:
        await peer.request()
        peer.writer.write(answer)
        await peer.end()

    async with raw_server(talk_nonsense) as server, a_client(server.url) as client:
        error = await error_of(client)

    assert error.kind is ErrorKind.BAD_RESPONSE
    assert str(error)


@on_an_event_loop
async def test_a_certificate_nobody_vouches_for_is_refused_unless_told_otherwise(tmp_path: Path) -> None:
    """Verified by default; ``--insecure`` takes any."""

    async def answer_it(peer: RawPeer) -> None:
        await peer.request()
        peer.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await peer.end()

    async with raw_server(answer_it, self_signed(tmp_path)) as server:
        async with a_client(server.url, access=Access(verify_tls=False)) as client:
            assert (await client.request(ANYTHING)).body == b"hi"
        async with a_client(server.url) as client:
            assert (await error_of(client)).kind is ErrorKind.TLS
