"""More connections than a server has descriptors for: who is there stays, the others are told, and nothing is left."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from target_app.server import OTHER_DESCRIPTORS
from tests.support.benches import eventually
from tests.support.http_answers import ask
from tests.support.raw_client import RawClient, raw_client
from tests.support.rooms_client import RoomsClient, visitors
from tests.support.server_process import COMMAND, ServerProcess, server_process

pytestmark = [pytest.mark.system, pytest.mark.faults]

MOST = 60
SMALL = f"""
import resource
from target_app import __main__
resource.setrlimit(resource.RLIMIT_NOFILE, ({MOST + OTHER_DESCRIPTORS},) * 2)
raise SystemExit(__main__.main())
"""
# Ten floods of a few KiB each would be less; what an allocator keeps is more.
GROWTH_BYTES = 16 * 1024 * 1024


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with server_process(command=[*COMMAND[:1], "-c", SMALL]) as running:
        yield running


def talk(ann: RoomsClient, bob: RoomsClient) -> None:
    """What one says comes to the other, once and next."""
    (seq,) = ann.say("tea", "still there?")
    assert [(frame["type"], frame["seq"]) for frame in bob.hear_all()] == [("message", seq)]


def flood(server: ServerProcess, count: int, floods: ExitStack) -> list[RawClient]:
    """Connect, as often as one can, and say nothing."""
    clients = []
    for _ in range(count):
        # One that is cut at once may be cut before we know that we are connected.
        with suppress(ConnectionError):
            clients.append(floods.enter_context(raw_client(server.url)))
    return clients


def is_answered(server: ServerProcess) -> bool:
    with suppress(ConnectionError):
        return ask(server, "GET", "/healthz").status == 200
    return False


def test_who_is_one_too_many_is_told_so_and_nobody_else_notices(server: ServerProcess) -> None:
    """503 with Retry-After, over HTTP and for a WebSocket; when the flood is over, everything is as before."""
    with visitors(server) as people, ExitStack() as floods:
        ann, bob = people.arrive("ann").join("tea"), people.arrive("bob").join("tea")
        flood(server, MOST, floods)

        talk(ann, bob)
        answer = ask(server, "GET", "/healthz")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        with pytest.raises(InvalidStatus) as refused, server.connect("/ws"):
            """Not reached."""
        assert refused.value.response.status_code == 503

        # Far more than there are descriptors.
        flood(server, 4 * (MOST + OTHER_DESCRIPTORS), floods)
        talk(ann, bob)
        floods.close()
        eventually(lambda: is_answered(server), "room again")
        talk(ann, bob)
        assert "chat_turned_away_total 0" not in server.text("/metrics")
    # Whatever a flood says of itself, it does not fill the log.
    assert len(server.said().splitlines()) < 5


def test_floods_leave_nothing_behind(server: ServerProcess) -> None:
    """Neither descriptors nor memory: the tenth flood costs no more than the first."""
    process = psutil.Process(server.process.pid)

    def be_flooded() -> None:
        with ExitStack() as floods:
            for client in flood(server, 2 * MOST, floods):
                client.send(b"POST /login HTTP/1.1\r\nHost: test\r\nContent-Length: 60000\r\n\r\n{" + b" " * 50_000)
        eventually(lambda: is_answered(server), "room again")

    files_before = process.num_fds()
    be_flooded()
    before_bytes = process.memory_info().rss
    for _ in range(10):
        be_flooded()

    assert process.memory_info().rss - before_bytes < GROWTH_BYTES
    eventually(lambda: process.num_fds() <= files_before + 1, "every descriptor free again")
