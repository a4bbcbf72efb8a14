"""What becomes of a connection that nobody makes use of any more."""

import asyncio

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from target_app import impatience
from target_app.connection import OUTBOXES
from target_app.impatience import ImpatientProtocol
from target_app.outbox import Outboxes
from target_app.settings import Limits
from tests.support.event_loop import on_an_event_loop

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class ReluctantTransport(asyncio.Transport):
    """Does not close before everything is read, and nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = asyncio.Event()

    def close(self) -> None:
        """Wait for the reader."""

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self.aborted.set()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Talk to nobody."""


class Upgraded(asyncio.Protocol):
    """What a WebSocket's connection becomes."""

    def __init__(self, **_: object) -> None:
        """Take what uvicorn gives."""


async def nowhere(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Nobody asks."""


def connected(transport: ReluctantTransport) -> ImpatientProtocol:
    config = uvicorn.Config(nowhere, lifespan="off", ws=Upgraded)
    config.load()
    protocol = ImpatientProtocol(config, ServerState(), {OUTBOXES: Outboxes(Limits())})
    protocol.connection_made(transport)
    return protocol


@on_an_event_loop
async def test_a_connection_that_is_closed_does_not_wait_for_its_reader() -> None:
    """A few KiB that nobody reads fill no buffer, and would keep the descriptor for ever."""
    transport = ReluctantTransport()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(impatience, "REQUEST_S", 1_000.0)
        protocol = connected(transport)
        patch.setattr(impatience, "REQUEST_S", 0.0)

        protocol.timeout_keep_alive_handler()

        await transport.aborted.wait()


@pytest.mark.parametrize("end", ["read", "upgraded"])
@on_an_event_loop
async def test_a_reader_that_reads_in_time_is_not_cut(end: str) -> None:
    """Nor a WebSocket whose client had an answer to read first: from then on its outbox waits."""
    transport, other = ReluctantTransport(), ReluctantTransport()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(impatience, "ANSWER_S", 0.0)
        protocol = connected(transport)
        protocol.pause_writing()
        if end == "read":
            protocol.resume_writing()
        else:
            protocol.data_received(HANDSHAKE)
        connected(other).pause_writing()

        # The clock of the other one was started later.
        await other.aborted.wait()
        assert not transport.aborted.is_set()
