"""What becomes of a connection that nobody makes use of any more."""

import asyncio

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from target_app import impatience
from target_app.impatience import ImpatientProtocol
from tests.support.event_loop import on_an_event_loop


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


async def nowhere(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Nobody asks."""


@on_an_event_loop
async def test_a_connection_that_is_closed_does_not_wait_for_its_reader() -> None:
    """A few KiB that nobody reads fill no buffer, and would keep the descriptor for ever."""
    config = uvicorn.Config(nowhere, lifespan="off")
    config.load()
    transport = ReluctantTransport()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(impatience, "REQUEST_S", 1_000.0)
        protocol = ImpatientProtocol(config, ServerState(), {})
        protocol.connection_made(transport)
        patch.setattr(impatience, "REQUEST_S", 0.0)

        protocol.timeout_keep_alive_handler()

        await transport.aborted.wait()
