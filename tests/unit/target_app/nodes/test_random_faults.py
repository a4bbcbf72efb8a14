"""Whatever happens between nodes, in whatever order: nothing acknowledged is lost, shown twice, or out of order."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.support.event_loop import on_an_event_loop
from tests.support.hunting import examples
from tests.support.memory_nodes import Chat, Client, settle

NODES = ("a", "b", "c")
ROOMS = ("tea", "coffee")

node = st.sampled_from(NODES)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), node, st.sampled_from(ROOMS)),
        st.tuples(st.just("cut"), node),
        st.tuples(st.just("mend"), node),
        # The bus loses what is on its way, and nobody is told.
        st.tuples(st.just("lose"), node),
        st.tuples(st.just("freeze"), node, st.integers(1, 15)),
        st.tuples(st.just("wait"), st.integers(1, 4)),
        st.tuples(st.just("kill"), node),
        st.tuples(st.just("database"), st.booleans()),
        # Writes begin, and do not end before it goes on.
        st.tuples(st.just("store"), st.booleans()),
        st.tuples(st.just("settle")),
    ),
    max_size=40,
)


class Story:
    """A chat, its clients, and what they have said."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.clients: dict[str, Client] = {}
        self.life = dict.fromkeys(NODES, 0)
        self.said_count = 0

    def alive(self, name: str) -> str:
        """The node that goes under this name at the moment."""
        return f"{name}{self.life[name]}"

    async def arrive(self, name: str) -> None:
        client = self.clients[name] = await self.chat[self.alive(name)].arrive(self.alive(name))
        for room in ROOMS:
            await client.join(room)

    async def do(self, action: tuple[object, ...]) -> None:
        match action:
            case ("say", str(name), str(room)):
                self.said_count += 1
                await self.clients[name].say(str(self.said_count), room)
            case ("cut", str(name)):
                if self.alive(name) in self.chat.wire.up:
                    self.chat.wire.cut(self.alive(name))
            case ("mend", str(name)):
                if self.alive(name) not in self.chat.wire.up:
                    self.chat.wire.mend(self.alive(name))
            case ("lose", str(name)):
                if self.alive(name) in self.chat.wire.up:
                    self.chat.wire.up.discard(self.alive(name))
                    await settle()
                    self.chat.wire.up.add(self.alive(name))
            case ("freeze", str(name), int(seconds)):
                await self.chat.pass_s(seconds, living=[self.alive(each) for each in NODES if each != name])
            case ("wait", int(seconds)):
                await self.chat.pass_s(seconds)
            case ("kill", str(name)):
                await self.kill(name)
            case ("database", bool(is_broken)):
                self.chat.homes.is_broken = is_broken
            case ("store", bool(is_open)):
                self.let_through(is_open=is_open)
            case _:
                await settle()

    def let_through(self, *, is_open: bool) -> None:
        if is_open:
            self.chat.store.let_through.set()
        else:
            self.chat.store.let_through.clear()

    async def kill(self, name: str) -> None:
        """End a node, and have another in its place as soon as the database lets it; its client comes again."""
        self.chat.homes.is_broken = False
        self.let_through(is_open=True)
        before = self.alive(name)
        await self.chat.kill(before)
        self.life[name] += 1
        await self.chat.start(self.alive(name), instead_of=before)
        await self.mend_all()
        await self.arrive(name)

    async def mend_all(self) -> None:
        self.chat.homes.is_broken = False
        self.let_through(is_open=True)
        for name in NODES:
            await self.do(("mend", name))
        await self.chat.pass_s(14)
        for _ in range(5):
            await settle()


@pytest.mark.hunt
@examples(60)
@given(ACTIONS)
def test_nothing_acknowledged_is_lost_or_heard_twice(actions: list[tuple[object, ...]]) -> None:
    """At the end, when everybody can reach everybody again for a while."""

    @on_an_event_loop
    async def play() -> None:
        async with Chat(*(f"{name}0" for name in NODES)) as chat:
            story = Story(chat)
            for name in NODES:
                await story.arrive(name)
            clients = list(story.clients.values())
            acked_before: dict[int, set[tuple[str, int]]] = {}
            for action in actions:
                await story.do(action)
                for client in story.clients.values():
                    if client not in clients:
                        clients.append(client)
                        acked_before[id(client)] = stored(chat)
            await story.mend_all()

            for client in story.clients.values():
                for room in ROOMS:
                    heard = [(frame["seq"], frame["text"]) for frame in client.heard() if frame["room"] == room]
                    seqs = [seq for seq, _ in heard]
                    assert seqs == sorted(set(seqs)), "heard once, in the order of the numbers"
                    missed = {
                        (of, seq) for of, seq in acked(clients) - acked_before.get(id(client), set()) if of == room
                    }
                    assert missed <= {(room, seq) for seq in seqs}, "whatever was acknowledged"
                    for seq, text in heard:
                        kept = chat.store.kept.get((room, seq))
                        assert kept is None or kept.text == text, "no number is given twice"

    play()


def stored(chat: Chat) -> set[tuple[str, int]]:
    return set(chat.store.kept)


def acked(clients: list[Client]) -> set[tuple[str, int]]:
    return {each for client in clients for each in client.acked_in}
