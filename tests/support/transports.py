"""What tests of a transport start from: how one is made, servers to talk to, and an opening."""

from typing import Protocol

import pytest
from websockets.asyncio.server import ServerConnection

from loadgen.dialects import Opening
from loadgen.engine.transport import Listener, Transport
from loadgen.errors import ServerError
from loadgen.plan.access import DIRECT, Access
from tests.support.raw_websocket import Conversation, RawPeer

ANYWHERE = Opening("/chat")
# Long enough for a server in this process to answer, short enough to wait for one that does not.
SHORT_S = 0.2


class MakeTransport(Protocol):
    """Makes a transport to a base URL."""

    def __call__(
        self,
        base_url: str,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        access: Access = DIRECT,
        timeout_s: float = 10.0,
        local_address: str | None = None,
    ) -> Transport: ...


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def stay(connection: ServerConnection) -> None:
    await connection.wait_closed()


def sends(*chunks: bytes) -> Conversation:
    """A conversation: upgrade, send each chunk, and wait until the client hangs up."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        for chunk in chunks:
            peer.writer.write(chunk)
        await peer.end()

    return conversation


async def error_of(transport: Transport, listener: Listener, opening: Opening = ANYWHERE) -> ServerError:
    with pytest.raises(ServerError) as caught:
        await transport.connect(opening, listener)
    return caught.value
