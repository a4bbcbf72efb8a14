"""PostgreSQL ends or freezes below the reference server while everybody talks."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.support.event_loop import on_an_event_loop
from tests.support.postgres_server import PostgresServer, postgres_server
from tests.support.sender import Sender
from tests.support.server_process import ServerProcess, server_process

pytestmark = [pytest.mark.system, pytest.mark.faults]

SENDERS = 8
ROOMS = 3
# Of each sender, before something happens, and after it is over.
SOME = 30

Step = Callable[[PostgresServer], None]
# A database server, one database on it, and the chat server that keeps messages there.
KeptIn = tuple[PostgresServer, str, ServerProcess]


@pytest.fixture
def kept_in() -> Iterator[KeptIn]:
    with postgres_server() as database:
        name = database.new_database()
        with server_process("--lift-limits", "--db", database.url(name)) as server:
            yield database, name, server


async def of_each(senders: Sequence[Sender], is_true: Callable[[Sender], bool]) -> None:
    for sender in senders:
        await sender.until(is_true)


async def health_of(server: ServerProcess) -> tuple[str, str | None]:
    status, said = await asyncio.to_thread(server.request, "/healthz")
    assert status == 200
    return said["status"], said.get("reason")


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (lambda database: database.stop(signal.SIGKILL), PostgresServer.start),
        (lambda database: database.stop(signal.SIGQUIT), PostgresServer.start),
        (PostgresServer.freeze, PostgresServer.thaw),
    ],
    ids=["killed", "stopped at once", "frozen"],
)
@on_an_event_loop
async def test_the_chat_goes_on_without_its_database(kept_in: KeptIn, begin: Step, end: Step) -> None:
    """What was acknowledged is there; what is not stored is refused; the server says it is unwell, and recovers."""
    database, name, server = kept_in
    senders = [Sender(f"ann-{number}", f"room {number % ROOMS}") for number in range(SENDERS)]
    url = server.url.replace("http", "ws", 1) + "/ws/rooms"
    async with asyncio.TaskGroup() as talking:
        for sender in senders:
            talking.create_task(sender.talk(url))
        await of_each(senders, lambda sender: len(sender.acked) >= SOME)
        assert await health_of(server) == ("ok", None)

        await asyncio.to_thread(begin, database)
        await of_each(senders, lambda sender: bool(sender.refused))
        assert await health_of(server) == ("degraded", "messages are not stored")
        heard = {sender.name: sender.heard_count for sender in senders}
        await of_each(senders, lambda sender: sender.heard_count > heard[sender.name])

        await asyncio.to_thread(end, database)
        acked = {sender.name: len(sender.acked) for sender in senders}
        await of_each(senders, lambda sender: len(sender.acked) >= acked[sender.name] + SOME)
        assert await health_of(server) == ("ok", None)
        server.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.process.wait) == 0
    said = server.said()
    assert "Traceback" not in said, said
    kept = await asyncio.to_thread(database.texts, name)

    acked_texts = {(sender.room, seq): text for sender in senders for text, seq in sender.acked.items()}
    assert {key: kept.get(key) for key in acked_texts} == acked_texts
    assert {code for sender in senders for code in sender.refused.values()} == {"storage_failed"}
