"""The way to a server: ports, names and addresses, the time it may take, and the sockets it costs."""

import asyncio
import gc
import itertools
import warnings
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import ServerConnection

from loadgen.engine import clock
from loadgen.engine.transport import Connection, Transport
from loadgen.errors import ErrorKind
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import RecordingListener
from tests.support.raw_websocket import RawPeer, close_frame, raw_server
from tests.support.silent_port import refusing_port, silent_port
from tests.support.transports import ANYWHERE, SHORT_S, MakeTransport, echo, error_of, stay
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system

# What a loop does of itself when it ends.
FEW_STEPS = 5


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@on_an_event_loop
async def test_a_port_where_nobody_listens_is_refused(make_transport: MakeTransport, host: str) -> None:
    """Also where a name stands for several addresses."""
    error = await error_of(make_transport(f"http://{host}:{refusing_port()}"), RecordingListener())

    assert error.kind is ErrorKind.REFUSED


ASKS_OUTSIDE = any(
    line.startswith("nameserver") and not line.split()[1].startswith(("127.", "::1"))
    for line in Path("/etc/resolv.conf").read_text().splitlines()
)


@pytest.mark.parametrize(
    "host",
    [
        f"{'x' * 64}.invalid",
        pytest.param(
            "nowhere.invalid", marks=pytest.mark.skipif(ASKS_OUTSIDE, reason="would ask a resolver elsewhere")
        ),
    ],
)
@on_an_event_loop
async def test_a_name_that_does_not_resolve_is_dns(make_transport: MakeTransport, host: str) -> None:
    """Also one that cannot even be asked for: a label has 63 characters at most."""
    error = await error_of(make_transport(f"http://{host}:80"), RecordingListener())

    assert error.kind is ErrorKind.DNS


@pytest.mark.parametrize("scheme", ["http", "https"])
@on_an_event_loop
async def test_a_server_that_never_answers_is_a_timeout_and_leaves_no_socket_behind(
    make_transport: MakeTransport, scheme: str
) -> None:
    """The kernel accepts, nobody speaks; the file is given back, in a few steps of the loop: it may end then."""
    with silent_port() as port:
        transport = make_transport(f"{scheme}://127.0.0.1:{port}", timeout_s=SHORT_S)
        await error_of(transport, RecordingListener())  # what is made at the first use stays open
        files_before = psutil.Process().num_fds()
        listener = RecordingListener()

        error = await error_of(transport, listener)

        for _ in range(FEW_STEPS):
            await asyncio.sleep(0)
        assert psutil.Process().num_fds() <= files_before
    assert error.kind is ErrorKind.TIMEOUT
    assert listener.calls == []


def test_a_way_that_took_its_time_leaves_no_socket_to_a_loop_that_ends(make_transport: MakeTransport) -> None:
    """The limit of a library, which counts from the connection on, comes later than ours: by then the loop is over."""

    async def ask_in_vain(url: str) -> None:
        loop = asyncio.get_running_loop()
        reach = loop.create_connection

        async def take_time(*given: Any, **named: Any) -> Any:
            await asyncio.sleep(SHORT_S / 4)
            return await reach(*given, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "create_connection", take_time)
            error = await error_of(make_transport(url, timeout_s=SHORT_S), RecordingListener())
        assert error.kind is ErrorKind.TIMEOUT

    with silent_port() as port, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(ask_in_vain(f"http://127.0.0.1:{port}"))
        gc.collect()
    assert list(map(str, told)) == []


@on_an_event_loop
async def test_an_answer_after_we_gave_up_opens_nothing(make_transport: MakeTransport) -> None:
    """Else there would be a connection that nobody knows of."""
    asked, given_up = asyncio.Event(), asyncio.Event()
    hung_up = asyncio.Event()

    async def conversation(peer: RawPeer) -> None:
        request = await peer.request()
        asked.set()
        await given_up.wait()
        peer.accept(request)
        await peer.end()
        hung_up.set()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        connecting = asyncio.create_task(make_transport(server.url).connect(ANYWHERE, listener))
        await asked.wait()
        connecting.cancel()
        await asyncio.wait([connecting])
        given_up.set()
        await hung_up.wait()

    assert connecting.cancelled()
    assert listener.calls == []


@on_an_event_loop
async def test_it_stays_open_where_the_time_was_up_in_the_moment_it_opened(make_transport: MakeTransport) -> None:
    """A connection that the listener knows of is never reported as failed."""

    class SlowListener(RecordingListener):
        def opened(self, connection: Connection, now_ns: int) -> None:
            super().opened(connection, now_ns)
            while clock.now_ns() < now_ns + 4 * SHORT_S * 1e9:
                pass

    listener = SlowListener()
    async with websocket_server(echo) as url:
        await make_transport(url, timeout_s=SHORT_S).connect(ANYWHERE, listener)
        listener.open_connection.send(b"MARK")
        await listener.until(lambda: listener.received == [b"MARK"])


@on_an_event_loop
async def test_connections_leave_from_the_address_they_are_told_to(make_transport: MakeTransport) -> None:
    """One address has some 28,000 ports to one server; more users need more addresses."""
    seen: list[str] = []

    async def look(connection: ServerConnection) -> None:
        seen.append(connection.remote_address[0])

    listener = RecordingListener()
    async with websocket_server(look) as url:
        await make_transport(url, local_address="127.0.0.5").connect(ANYWHERE, listener)
        await listener.end()

    assert seen == ["127.0.0.5"]


@on_an_event_loop
async def test_an_address_that_this_machine_has_not_is_a_limit_of_ours(make_transport: MakeTransport) -> None:
    """RFC 5737 keeps 192.0.2.0/24 for documentation: nobody has it, and nothing is sent."""
    async with websocket_server(stay) as url:
        error = await error_of(make_transport(url, local_address="192.0.2.1"), RecordingListener())

    assert error.kind is ErrorKind.LIMIT_PORTS


@on_an_event_loop
async def test_a_thousand_connections_leave_no_descriptor_behind(make_transport: MakeTransport) -> None:
    """Whoever ends them, and however."""
    endings = itertools.cycle(["we close", "we abort", "it closes", "it resets"])

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        try:
            _, said = await peer.frame()
        except asyncio.IncompleteReadError:  # we aborted
            return
        if said == b"it resets":
            peer.reset()
            return
        peer.writer.write(close_frame(1000))
        await peer.end()

    async def come_and_go(transport: Transport, ending: str) -> None:
        listener = RecordingListener()
        await transport.connect(ANYWHERE, listener)
        connection = listener.open_connection
        if ending == "we close":
            connection.close()
        elif ending == "we abort":
            connection.abort()
        else:
            connection.send(ending.encode())
        await listener.end()

    async with raw_server(conversation) as server:
        transport = make_transport(server.url)
        await come_and_go(transport, "we close")  # what is made at the first use stays open
        files_before = psutil.Process().num_fds()
        for _ in range(20):
            await asyncio.gather(*(come_and_go(transport, next(endings)) for _ in range(50)))
        while psutil.Process().num_fds() > files_before:
            await asyncio.sleep(0)
