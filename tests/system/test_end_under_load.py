"""The reference server is stopped while everybody talks: what was acknowledged is there afterwards."""

import asyncio
import signal
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.event_loop import on_an_event_loop
from tests.support.postgres_server import PostgresServer
from tests.support.sender import Sender
from tests.support.server_process import ServerProcess, server_process

pytestmark = [pytest.mark.system, pytest.mark.faults]

SENDERS = 10
ROOMS = 3
# Of each sender, before the server is told to stop in the middle of more.
ACKED_FIRST = 30

# By room and number, the text.
Texts = dict[tuple[str, int], str]


def in_sqlite(request: pytest.FixtureRequest) -> tuple[str, Callable[[], Texts]]:
    """Return where messages are to be kept, and how one finds what is there."""
    path: Path = request.getfixturevalue("tmp_path") / "chat.db"

    def stored() -> Texts:
        with closing(sqlite3.connect(path)) as database:
            return {(room, seq): text for room, seq, text in database.execute("SELECT room, seq, text FROM messages")}

    return f"sqlite:///{path}", stored


def in_postgres(request: pytest.FixtureRequest) -> tuple[str, Callable[[], Texts]]:
    """Return the same of the other database."""
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.new_database()
    return server.url(name), lambda: server.texts(name)


async def stop_in_the_middle(server: ServerProcess, senders: Sequence[Sender], how: signal.Signals) -> None:
    """Let everybody talk, stop the server when each has been heard for a while, and wait until all is quiet."""
    url = server.url.replace("http", "ws", 1) + "/ws/rooms"
    async with asyncio.TaskGroup() as talking:
        for sender in senders:
            talking.create_task(sender.talk(url))
        for sender in senders:
            await sender.until(lambda each: len(each.acked) >= ACKED_FIRST)
        server.process.send_signal(how)


@pytest.mark.parametrize("where", [in_sqlite, in_postgres])
@pytest.mark.parametrize(
    ("durability", "how"), [("ack", signal.SIGTERM), ("ack", signal.SIGKILL), ("async", signal.SIGTERM)]
)
@on_an_event_loop
async def test_nothing_that_was_acknowledged_is_lost(
    request: pytest.FixtureRequest,
    where: Callable[[pytest.FixtureRequest], tuple[str, Callable[[], Texts]]],
    durability: str,
    how: signal.Signals,
) -> None:
    """Each ack names a message that the database has, as it was sent.

    Whether the server ends in order or is killed; where acks do not wait for the database, an end in order does.
    """
    url, stored = where(request)
    senders = [Sender(f"ann-{number}", f"room {number % ROOMS}") for number in range(SENDERS)]
    with server_process("--lift-limits", "--durability", durability, "--db", url) as server:
        await stop_in_the_middle(server, senders, how)
        code = await asyncio.to_thread(server.process.wait)

    assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)
    acked = {(sender.room, seq): text for sender in senders for text, seq in sender.acked.items()}
    kept = stored()
    assert len(acked) >= SENDERS * ACKED_FIRST
    assert {key: kept.get(key) for key in acked} == acked
    assert [sender.refused for sender in senders] == [{}] * SENDERS
