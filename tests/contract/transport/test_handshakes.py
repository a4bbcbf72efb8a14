"""What is asked for when a connection is opened, and what a server may answer."""

import itertools
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from loadgen.dialects import Opening
from loadgen.errors import ErrorKind
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import Closed, RecordingListener
from tests.support.raw_websocket import Conversation, RawPeer, raw_server
from tests.support.server_process import server_process
from tests.support.transports import ANYWHERE, MakeTransport, error_of, sends, stay
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system


@on_an_event_loop
async def test_path_headers_and_subprotocols_are_sent(make_transport: MakeTransport) -> None:
    """The run's headers and the opening's own; the path as it was given."""
    seen: list[Request] = []

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request)
        await connection.wait_closed()

    opening = Opening("/ws/chat?token=a%20b%2Bc", (("X-Own", "1"),), ("chat.v2", "chat.v1"))
    listener = RecordingListener()
    async with websocket_server(look, subprotocols=[Subprotocol("chat.v1")]) as url:
        await make_transport(url, (("X-Run", "2"),)).connect(opening, listener)
        listener.open_connection.close()
        await listener.end()

    (request,) = seen
    assert request.path == "/ws/chat?token=a%20b%2Bc"
    assert request.headers["X-Own"] == "1"
    assert request.headers["X-Run"] == "2"
    assert request.headers["Sec-WebSocket-Protocol"] == "chat.v2, chat.v1"
    assert request.headers["Host"] == url.removeprefix("http://")


@on_an_event_loop
async def test_headers_are_utf8_and_a_host_of_our_own_is_the_only_one(make_transport: MakeTransport) -> None:
    """As a proxy wants it that serves many names."""
    heads: list[bytes] = []

    async def conversation(peer: RawPeer) -> None:
        heads.append(await peer.request())
        peer.accept(heads[0])
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url, (("Host", "chat.example"), ("X-Who", "Zoë"))).connect(ANYWHERE, listener)
        listener.open_connection.abort()

    lines = heads[0].lower().split(b"\r\n")
    assert [line for line in lines if line.startswith(b"host:")] == [b"host: chat.example"]
    assert "x-who: zoë".encode() in lines


@on_an_event_loop
async def test_no_extension_is_offered_unless_asked_for(make_transport: MakeTransport) -> None:
    """Compression costs memory and time that a server would be charged with."""
    heads: list[bytes] = []

    async def conversation(peer: RawPeer) -> None:
        heads.append(await peer.request())

    async with raw_server(conversation) as server:
        await error_of(make_transport(server.url), RecordingListener())

    assert b"extensions" not in heads[0].lower()


@on_an_event_loop
async def test_a_token_as_a_subprotocol_lets_us_in(make_transport: MakeTransport) -> None:
    """Some servers take a token only so; the reference server does."""
    listener = RecordingListener()
    with server_process() as server:
        opening = Opening("/ws/rooms", subprotocols=(f"bearer.{server.token('user1')}",))
        await make_transport(server.url).connect(opening, listener)
        await listener.until(lambda: bool(listener.unwanted))
        assert b'"type":"welcome","user":"user1"' in listener.unwanted[0]
        listener.open_connection.close()
        assert await listener.end() == Closed(1000, "")


@on_an_event_loop
async def test_the_headers_of_the_first_handshake_are_known(make_transport: MakeTransport) -> None:
    """By lower-case names; later handshakes change nothing."""
    count = itertools.count(1)

    def number(_: ServerConnection, __: Request, response: Response) -> Response:
        response.headers["X-Number"] = str(next(count))
        return response

    async with websocket_server(stay, process_response=number, server_header="a server") as url:
        transport = make_transport(url)
        assert transport.handshake_headers == {}
        for _ in range(2):
            await transport.connect(ANYWHERE, RecordingListener())

        assert transport.handshake_headers["x-number"] == "1"
        assert transport.handshake_headers["server"] == "a server"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, ErrorKind.HTTP_4XX), (404, ErrorKind.HTTP_4XX), (503, ErrorKind.HTTP_5XX), (500, ErrorKind.HTTP_5XX)],
)
@on_an_event_loop
async def test_a_refused_upgrade_tells_the_status_and_what_the_server_says(
    make_transport: MakeTransport, status: int, kind: ErrorKind
) -> None:
    """It is data, with the body as the example; the listener is told nothing."""

    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus(status), "the house is full\n")

    listener = RecordingListener()
    async with websocket_server(stay, process_request=refuse) as url:
        transport = make_transport(url)
        error = await error_of(transport, listener)

    assert error.kind is kind
    assert str(status) in str(error)
    assert "the house is full" in str(error)
    assert listener.calls == []
    assert transport.handshake_headers == {}


def answers(*chunks: bytes) -> Conversation:
    """A conversation: answer the handshake with these bytes, and hang up."""

    async def conversation(peer: RawPeer) -> None:
        await peer.request()
        for chunk in chunks:
            peer.writer.write(chunk)

    return conversation


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\nno backend", ErrorKind.HTTP_5XX),
        (b"HTTP/1.1 520 Web server returns an unknown error\r\n\r\n", ErrorKind.HTTP_5XX),
        (b"HTTP/1.1 499 \r\n\r\n", ErrorKind.HTTP_4XX),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ErrorKind.BAD_HANDSHAKE),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", ErrorKind.BAD_HANDSHAKE),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: wrong\r\n\r\n",
            ErrorKind.BAD_HANDSHAKE,
        ),
        (b"SSH-2.0-OpenSSH_9.7\r\n\r\n", ErrorKind.BAD_HANDSHAKE),
        (b"\xff\xfe\r\n\r\n", ErrorKind.BAD_HANDSHAKE),
        (b"x" * 70_000, ErrorKind.BAD_HANDSHAKE),
        (b"", ErrorKind.RESET),
        (b"HTTP/1.1 101 Switch", ErrorKind.RESET),
    ],
)
@on_an_event_loop
async def test_an_answer_that_is_no_101_is_data(make_transport: MakeTransport, answer: bytes, kind: ErrorKind) -> None:
    """Whatever a server says to the handshake, or leaves unsaid."""
    listener = RecordingListener()
    async with raw_server(answers(answer)) as server:
        error = await error_of(make_transport(server.url), listener)

    assert error.kind is kind
    assert str(error)
    assert listener.calls == []


@on_an_event_loop
async def test_a_handshake_that_is_reset_is_data(make_transport: MakeTransport) -> None:
    """RST instead of an answer."""

    async def conversation(peer: RawPeer) -> None:
        await peer.request()
        peer.reset()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        assert (await error_of(make_transport(server.url), listener)).kind is ErrorKind.RESET

    assert listener.calls == []


@on_an_event_loop
async def test_a_refusal_is_told_when_its_head_is_there(make_transport: MakeTransport) -> None:
    """Its body may never end."""

    async def conversation(peer: RawPeer) -> None:
        await peer.request()
        peer.writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\nthe house")
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        error = await error_of(make_transport(server.url), listener)

    assert error.kind is ErrorKind.HTTP_5XX
    assert "the house" in str(error)
    assert listener.calls == []


@on_an_event_loop
async def test_redirects_are_not_followed(make_transport: MakeTransport) -> None:
    """A server must not send our load elsewhere."""
    async with raw_server(sends()) as elsewhere:

        def refer(_: ServerConnection, __: Request) -> Response:
            location = f"{elsewhere.url.replace('http', 'ws')}/chat"
            return Response(302, "Found", Headers({"Location": location, "Content-Length": "0"}))

        async with websocket_server(stay, process_request=refer) as url:
            error = await error_of(make_transport(url), RecordingListener())

    assert error.kind is ErrorKind.HTTP_3XX
    assert elsewhere.connection_count == 0
