"""One node of a chat: everything it needs to be part of it, and its life."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from target_app import outbox
from target_app.database import Durability
from target_app.history import History
from target_app.nodes import messages as m
from target_app.nodes.answering import Answering
from target_app.nodes.asks import Asks
from target_app.nodes.broker import NodesBroker
from target_app.nodes.bus import Bus
from target_app.nodes.elsewhere import Elsewhere
from target_app.nodes.homes import RENEW_S, Homes
from target_app.nodes.housing import Housing
from target_app.nodes.lease import Lease
from target_app.nodes.places import homes_in
from target_app.outbox import Deliver, Outbox
from target_app.people import People
from target_app.rooms import Rooms
from target_app.store import Store, StoreError
from target_app.writer import Writer

# How often a node looks after what is not as it should be.
TICK_S = 1.0
# Who was not heard for so long may be dead: the database knows.
SILENT_S = 3.0

_NS_PER_S = 1_000_000_000

log = logging.getLogger(__name__)


class Node:
    """A node; its `broker` is what the server's conversations know of it."""

    def __init__(
        self,
        name: str,
        *,
        rooms: Rooms[Outbox],
        deliver: Deliver,
        store: Store,
        writer: Writer,
        history: History,
        durability: Durability,
        bus: Bus,
        homes: Homes,
        instead_of: str | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``instead_of`` is a node that is known to be dead, and whose rooms are free."""
        self.name = name
        self._instead_of = instead_of
        self._bus = bus
        self._homes = homes
        self._now_ns = now_ns
        self._lease = Lease(now_ns)
        self._is_kept = True
        self._tasks: list[asyncio.Task[None]] = []
        people: People[Outbox] = People()
        self._asks = Asks(now_ns)
        self._elsewhere = Elsewhere()
        # Not counted here: that was done where it was numbered.
        self._housing = Housing(name, rooms, homes, store, bus, self._asks, pass_on=outbox.deliver)
        self.broker = NodesBroker(
            rooms=rooms,
            people=people,
            deliver=deliver,
            writer=writer,
            durability=durability,
            bus=bus,
            asks=self._asks,
            elsewhere=self._elsewhere,
            homes=homes,
            housing=self._housing,
            lease=self._lease,
        )
        self._answering = Answering(
            people=people,
            broker=self.broker,
            housing=self._housing,
            elsewhere=self._elsewhere,
            asks=self._asks,
            bus=bus,
            lease=self._lease,
            history=history,
            writer=writer,
            now_ns=now_ns,
        )

    def worry(self) -> str | None:
        """What is wrong, in a few words that anybody may read; None while all is well."""
        if not self._bus.is_up:
            return "other servers cannot be reached"
        return None if self._is_kept else "rooms cannot be kept"

    @property
    def is_connected(self) -> bool:
        """Whether other servers can be reached."""
        return self._bus.is_up

    @property
    def other_count(self) -> int:
        """How many other servers are known."""
        return len(self._elsewhere.nodes)

    @property
    def home_count(self) -> int:
        """How many rooms are numbered here."""
        return sum(1 for _ in homes_in(self._housing.places.values()))

    @property
    def followed_count(self) -> int:
        """How many rooms are numbered elsewhere, and have members here."""
        return len(self._housing.places) - self.home_count

    async def open(self) -> None:
        """Be part of the chat. Raises StoreError and BusError."""
        if self._instead_of is not None:
            await self._homes.bury(self._instead_of)
        await self.renew()
        await self._bus.open(self._answering)
        if self._instead_of is not None:
            self._bus.send(m.ALL, m.Buried(self._instead_of))

    def start(self) -> None:
        """Look after everything from now on, until `close`; once it is open."""
        self._tasks = [
            asyncio.create_task(_again_and_again(self.tick, TICK_S)),
            # By itself: it waits for the database, and meanwhile nobody may take us for dead.
            asyncio.create_task(_again_and_again(self.renew_or_worry, RENEW_S)),
        ]

    async def close(self) -> None:
        """Leave in good order; when what was said is stored, for others go on behind it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._housing.close()
        await self._answering.close()
        seqs = {home.room.name: home.room.seq for home in homes_in(self._housing.places.values())}
        # Where the database cannot be reached our lease runs out by itself.
        with suppress(StoreError):
            await self._homes.release(self.name, seqs)
            await self._homes.bury(self.name)
        self._bus.send(m.ALL, m.Gone())
        await self._bus.close()

    async def tick(self) -> None:
        """See to what is not as it should be; once every TICK_S."""
        self._asks.give_up_late()
        self._housing.let_go_of_empty()
        self._housing.tell_how_far()
        if self._bus.is_up:
            await self._miss_the_silent()
            self._housing.seek(self._housing.not_whole())

    async def renew_or_worry(self) -> None:
        """Live on, or say in the health that we may not; once every RENEW_S."""
        try:
            await self.renew()
        except StoreError as error:
            if self._is_kept:
                log.error("the lease of this server is not renewed: %s", error)
            self._is_kept = False

    async def renew(self) -> None:
        """Live on, and number nothing any more where our lease had run out. Raises StoreError."""
        began_ns = self._now_ns()
        if not await self._homes.renew(self.name):
            self._housing.move_out()
            # Whoever follows us has to find out anew whom to follow.
            if self._bus.is_up:
                self._answering.joined_bus()
        self._lease.renewed(began_ns)
        self._is_kept = True

    async def _miss_the_silent(self) -> None:
        before_ns = self._now_ns() - round(SILENT_S * _NS_PER_S)
        silent = [node for node, heard_ns in self._answering.heard_ns.items() if heard_ns < before_ns]
        if not silent:
            return
        for node in silent:
            self._housing.lose_sight(node)
        try:
            living = await self._homes.living()
        except StoreError:
            return
        for node in silent:
            if node not in living:
                self._answering.gone(node)


async def _again_and_again(do: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await do()
        except Exception:
            # A fault of ours in one look must not end all others.
            log.exception("could not look after the other servers")
