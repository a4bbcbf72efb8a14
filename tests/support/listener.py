"""A listener that writes down what a transport tells it."""

from collections.abc import Callable
from dataclasses import dataclass

from loadgen.engine.clock import now_ns
from loadgen.engine.transport import Connection
from loadgen.measure.receive_path import ReceivePath
from tests.support.waiting import Bell


@dataclass(frozen=True, slots=True)
class Closed:
    """How a connection ended."""

    code: int
    reason: str


class RecordingListener:
    """Implements :class:`loadgen.engine.transport.Listener`; takes messages that hold ``wanted``."""

    receive_path: ReceivePath | None = None

    def __init__(self, wanted: bytes = b"MARK", user: int = 7) -> None:
        self.user = user
        self.connection: Connection | None = None
        self.received: list[bytes] = []
        self.unwanted: list[bytes] = []
        self.ends: list[Closed] = []
        self.calls: list[str] = []
        self.told_ns: list[int] = []
        """The times handed in, in order."""
        self.late_ns: list[int] = []
        """How much later than the time handed in the call came."""
        self._wanted = wanted
        self._bell = Bell()

    def receive(self, user: int, payload: bytes, now_ns: int) -> bool:
        """Take the message if it is wanted."""
        assert user == self.user
        if self._wanted not in payload:
            return False
        self.received.append(payload)
        self._note("receive", now_ns)
        return True

    def opened(self, connection: Connection, now_ns: int) -> None:
        """Keep the connection."""
        self.connection = connection
        self._note("opened", now_ns)

    def heard(self, payload: bytes, now_ns: int) -> None:
        """Keep what was not wanted."""
        self.unwanted.append(payload)
        self._note("heard", now_ns)

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        """Keep how it ended."""
        self.ends.append(Closed(code, reason))
        self._note("closed", now_ns)

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait until it has been told enough."""
        await self._bell.until(is_true)

    async def end(self) -> Closed:
        """How the connection ended, when it has."""
        await self.until(lambda: bool(self.ends))
        return self.ends[0]

    @property
    def open_connection(self) -> Connection:
        """The connection, which must have been opened."""
        assert self.connection is not None
        return self.connection

    def _note(self, call: str, told_ns: int) -> None:
        self.calls.append(call)
        self.told_ns.append(told_ns)
        self.late_ns.append(now_ns() - told_ns)
        self._bell.ring()
