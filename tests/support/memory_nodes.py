"""Several nodes in one process: a bus that can be cut, homes and a store that all share, a clock that is set."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from target_app.database import Durability
from target_app.history import History
from target_app.nodes.bus import Ear
from target_app.nodes.homes import LEAP, LEASE_S, Claim
from target_app.nodes.messages import ALL, Beat, Message, decode, encode
from target_app.nodes.node import Node
from target_app.outbox import Outbox, Outboxes, deliver
from target_app.refusal import RefusedError
from target_app.rooms import Rooms
from target_app.rooms_protocol import Publish
from target_app.settings import Limits
from target_app.store import StoreError
from target_app.writer import Writer
from tests.support.lines import FakeLine
from tests.support.memory_store import MemoryStore

LIMITS = Limits()


@dataclass(slots=True)
class Wire:
    """What all buses hang on; each message is on its way until the event loop comes round."""

    ears: dict[str, Ear] = field(default_factory=dict)
    up: set[str] = field(default_factory=set)
    # What was said, by whom and to whom.
    said: list[tuple[str, str, Message]] = field(default_factory=list)

    def cut(self, node: str) -> None:
        """Nobody hears this one, and it hears nobody."""
        self.up.discard(node)
        self.ears[node].left_bus()

    def mend(self, node: str) -> None:
        """As before."""
        self.up.add(node)
        self.ears[node].joined_bus()

    def kill(self, node: str) -> None:
        """This one is no more."""
        self.up.discard(node)
        del self.ears[node]

    def carry(self, sender: str, to: str, message: Message) -> None:
        self.said.append((sender, to, message))
        known = decode(encode(sender, message))
        assert known == (sender, message), "it does not come as it was said"
        for node in list(self.ears) if to == ALL else [to]:
            if node != sender:
                asyncio.get_running_loop().call_soon(self._bring, sender, node, known[1])

    def _bring(self, sender: str, node: str, message: Message) -> None:
        if node in self.up and sender in self.up:
            self.ears[node].heard(sender, message)


class MemoryBus:
    """One end of the wire."""

    def __init__(self, wire: Wire, node: str) -> None:
        self._wire = wire
        self._node = node

    @property
    def is_up(self) -> bool:
        return self._node in self._wire.up

    async def open(self, ear: Ear) -> None:
        self._wire.ears[self._node] = ear
        self._wire.mend(self._node)

    def send(self, to: str, message: Message) -> None:
        if self.is_up:
            self._wire.carry(self._node, to, message)

    def send_each(self, nodes: Iterable[str], message: Message) -> None:
        for to in nodes:
            self.send(to, message)

    async def close(self) -> None:
        # What was said last arrives.
        await asyncio.sleep(0)
        self._wire.up.discard(self._node)


@dataclass(slots=True)
class Clock:
    """Stands still until it is told to go on."""

    ns: int = 1

    def __call__(self) -> int:
        return self.ns

    def pass_s(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


@dataclass(slots=True)
class MemoryHomes:
    """Homes without a database."""

    now_ns: Clock
    store: MemoryStore
    until_ns: dict[str, int] = field(default_factory=dict)
    homes: dict[str, str | None] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)
    is_broken: bool = False

    async def renew(self, node: str) -> bool:
        self._check()
        lasted = self._lives(node)
        self.until_ns[node] = self.now_ns() + round(LEASE_S * 1e9)
        return lasted

    async def claim(self, node: str, room: str) -> Claim:
        self._check()
        await asyncio.sleep(0)
        home = self.homes.get(room)
        if home not in (None, node) and self._lives(home):
            return Claim(home, 0)
        seq = max([self.seqs.get(room, 0), *(seq for of, seq in self.store.kept if of == room)])
        if home not in (None, node):
            seq += LEAP
        self.homes[room], self.seqs[room] = node, seq
        return Claim(node, seq)

    async def home_of(self, room: str) -> str | None:
        self._check()
        home = self.homes.get(room)
        return home if home is not None and self._lives(home) else None

    async def living(self) -> frozenset[str]:
        self._check()
        return frozenset(filter(self._lives, self.until_ns))

    async def release(self, node: str, seqs: Mapping[str, int]) -> None:
        self._check()
        await asyncio.sleep(0)
        own = [room for room in seqs if self.homes.get(room) == node]
        self.seqs |= {room: seqs[room] for room in own}
        self.homes |= dict.fromkeys(own)

    async def bury(self, node: str) -> None:
        self._check()
        self.until_ns.pop(node, None)

    def _lives(self, node: str) -> bool:
        # One that ends much later than any could is of another clock.
        now_ns = self.now_ns()
        return now_ns < self.until_ns.get(node, 0) <= now_ns + round(2 * LEASE_S * 1e9)

    def _check(self) -> None:
        if self.is_broken:
            raise StoreError("memory: not there")


class Client:
    """A user with a connection to one node."""

    def __init__(self, user: str, node: "Member") -> None:
        self.user = user
        self._node = node
        self.line = FakeLine()
        self.outbox = Outbox(self.line, Outboxes(LIMITS))
        # What became of what was said: the numbers, and why there is none.
        self.acked: list[int] = []
        self.acked_in: list[tuple[str, int]] = []
        self.failed: list[Exception] = []

    async def join(self, room: str, presence: bool = False) -> int:
        """Return how many are there."""
        state = await self._node.node.broker.join(self.outbox, self.user, room, presence)
        return state.member_count

    async def leave(self, room: str) -> int:
        return (await self._node.node.broker.leave(self.outbox, room)).member_count

    async def say(self, text: str, room: str = "tea") -> None:
        def answer(seq: int | None, error: Exception | None) -> None:
            if error is None and seq is not None:
                self.acked.append(seq)
                self.acked_in.append((room, seq))
            elif error is not None:
                self.failed.append(error)

        try:
            await self._node.node.broker.publish(self.outbox, Publish(room, text, None), answer)
        except RefusedError as refusal:
            self.failed.append(refusal)

    async def go(self) -> None:
        await self._node.node.broker.depart(self.outbox, self.user)

    def heard(self, kind: str = "message") -> list[dict[str, Any]]:
        return [frame for frame in self.line.heard() if frame["type"] == kind]

    def refusals(self) -> list[str]:
        return [error.code for error in self.failed if isinstance(error, RefusedError)]

    def texts(self) -> list[str]:
        return [frame["text"] for frame in self.heard()]


class Member:
    """One node, and all that one process has."""

    def __init__(self, name: str, chat: "Chat", instead_of: str | None = None) -> None:
        self.name = name
        self._chat = chat
        self.rooms: Rooms[Outbox] = Rooms(LIMITS)
        self.writer = Writer(chat.store, LIMITS)
        self.history = History(self.rooms, chat.store, self.writer, LIMITS)
        self.node = Node(
            name,
            rooms=self.rooms,
            deliver=deliver,
            store=chat.store,
            writer=self.writer,
            history=self.history,
            durability=Durability.ACK,
            bus=MemoryBus(chat.wire, name),
            homes=chat.homes,
            instead_of=instead_of,
            now_ns=chat.clock,
        )

    async def open(self) -> None:
        await self.node.open()
        self.writer.start()

    async def arrive(self, user: str, *rooms: str, presence: bool = False) -> Client:
        client = Client(user, self)
        await self.node.broker.arrive(client.outbox, user)
        for room in rooms:
            await client.join(room, presence)
        return client

    async def close(self) -> None:
        """In good order."""
        await self.writer.drain(1)
        await self.node.close()


class Chat:
    """A chat of several nodes; enter to have it open."""

    def __init__(self, *names: str) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.store = MemoryStore()
        self.homes = MemoryHomes(self.clock, self.store)
        self.members = {name: Member(name, self) for name in names}

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    async def __aenter__(self) -> "Chat":
        for member in self.members.values():
            await member.open()
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.store.let_through.set()
        self.homes.is_broken = False
        for member in self.members.values():
            await member.close()

    async def start(self, name: str, instead_of: str | None = None) -> Member:
        """Have one more node, or one in the place of one that is dead."""
        member = self.members[name] = Member(name, self, instead_of)
        await member.open()
        await settle()
        return member

    async def kill(self, name: str) -> None:
        """End a node without a word; what it has not stored is gone."""
        self.wire.kill(name)
        member = self.members.pop(name)
        assert member.writer._task is not None
        member.writer._task.cancel()
        # What it was doing ends with it.
        await member.node._housing.close()
        await member.node._answering.close()

    async def pass_s(self, seconds: int, living: Iterable[str] | None = None) -> None:
        """Let time pass, a second at a time; only these nodes live through it."""
        for _ in range(seconds):
            self.clock.pass_s(1)
            for name, member in self.members.items():
                if living is None or name in living:
                    self.wire.carry(name, ALL, Beat())
                    await member.node.tick()
                    await member.node.renew_or_worry()
            await settle()


async def settle() -> None:
    """Let everything happen that follows from what has happened."""
    for _ in range(60):
        await asyncio.sleep(0)
