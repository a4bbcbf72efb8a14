"""A bug of ours in what a transport calls back."""

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.support.event_loop import on_an_event_loop, what_went_wrong
from tests.support.listener import RecordingListener
from tests.support.transports import ANYWHERE, MakeTransport
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system


class BuggyListener(RecordingListener):
    """Has a bug in one of its methods."""

    def __init__(self, bug: str) -> None:
        super().__init__()
        self._bug = bug

    def receive(self, user: int, payload: bytes, now_ns: int) -> bool:
        self._fail_in("receive")
        return super().receive(user, payload, now_ns)

    def opened(self, connection: object, now_ns: int) -> None:
        self._fail_in("opened")

    def heard(self, payload: bytes, now_ns: int) -> None:
        self._fail_in("heard")

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        self._fail_in("closed")

    def _fail_in(self, method: str) -> None:
        if self._bug == method:
            raise ZeroDivisionError(f"a bug in {method}")


@pytest.mark.parametrize("method", ["opened", "receive", "heard", "closed"])
@on_an_event_loop
async def test_a_bug_of_ours_does_not_vanish(make_transport: MakeTransport, method: str) -> None:
    """What our own listener raises reaches the loop's exception handler: it ends the run."""
    faults = what_went_wrong()

    async def talk(connection: ServerConnection) -> None:
        try:
            await connection.send("hello")
        except ConnectionClosed:
            return

    async with websocket_server(talk) as url:
        await make_transport(url).connect(ANYWHERE, BuggyListener(method))
        error = await faults.get()

    assert isinstance(error, ZeroDivisionError)
    assert str(error) == f"a bug in {method}"
