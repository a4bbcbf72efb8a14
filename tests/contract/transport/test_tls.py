"""Connections over TLS."""

from pathlib import Path

import pytest

from loadgen.errors import ErrorKind
from loadgen.plan.access import Access
from tests.support.certificates import self_signed
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import Closed, RecordingListener
from tests.support.raw_websocket import RawPeer, close_frame, raw_server
from tests.support.transports import ANYWHERE, MakeTransport, echo, error_of
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system


@on_an_event_loop
async def test_a_certificate_nobody_vouches_for_is_refused_unless_told_otherwise(
    make_transport: MakeTransport, tmp_path: Path
) -> None:
    """Verified by default; ``--insecure`` takes any."""
    async with websocket_server(echo, ssl=self_signed(tmp_path)) as url:
        assert (await error_of(make_transport(url), RecordingListener())).kind is ErrorKind.TLS

        listener = RecordingListener()
        await make_transport(url, access=Access(verify_tls=False)).connect(ANYWHERE, listener)
        listener.open_connection.send(b"MARK")
        await listener.until(lambda: listener.received == [b"MARK"])


@on_an_event_loop
async def test_a_certificate_somebody_vouches_for_must_be_the_servers_own(
    make_transport: MakeTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good for 127.0.0.1, and for no other name of it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    listener = RecordingListener()
    message = b"MARK" + b"x" * 1_000_000
    async with websocket_server(echo, ssl=self_signed(tmp_path), max_size=None) as url:
        await make_transport(url).connect(ANYWHERE, listener)
        listener.open_connection.send(message)
        await listener.until(lambda: listener.received == [message])
        listener.open_connection.close()
        assert await listener.end() == Closed(1000, "")

        error = await error_of(make_transport(url.replace("127.0.0.1", "localhost")), RecordingListener())
        assert error.kind is ErrorKind.TLS


@pytest.mark.parametrize("how", ["close", "end", "abort"])
@on_an_event_loop
async def test_connections_end_over_tls_as_they_do_without(
    make_transport: MakeTransport, tmp_path: Path, how: str
) -> None:
    """By the server's close frame, by its hanging up, by our own abort."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=close_frame(4001, "bye") if how == "close" else b"")
        if how != "end":
            await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation, self_signed(tmp_path)) as server:
        await make_transport(server.url, access=Access(verify_tls=False)).connect(ANYWHERE, listener)
        if how == "abort":
            listener.open_connection.abort()
        assert await listener.end() == (Closed(4001, "bye") if how == "close" else Closed(1006, ""))


@on_an_event_loop
async def test_a_server_without_tls_is_a_tls_error(make_transport: MakeTransport) -> None:
    """https:// to a port that speaks HTTP."""

    async def conversation(peer: RawPeer) -> None:
        peer.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.end()

    async with raw_server(conversation) as server:
        url = server.url.replace("http", "https")
        assert (await error_of(make_transport(url), RecordingListener())).kind is ErrorKind.TLS
