"""Several nodes, one chat: what is said on one of them is heard on all, once."""

import pytest

from target_app.refusal import RefusedError
from target_app.rooms_protocol import Direct
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_nodes import Chat, Client, settle


@on_an_event_loop
async def test_a_message_reaches_the_members_on_every_node_once() -> None:
    """Whether it is said at the room's home or elsewhere; the sender gets it too, and an ack."""
    async with Chat("a", "b", "c") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        cat = await chat["c"].arrive("cat", "tea")

        await ann.say("at home")
        await bob.say("from elsewhere")
        await settle()

        for each in (ann, bob, cat):
            assert each.texts() == ["at home", "from elsewhere"]
            assert [frame["seq"] for frame in each.heard()] == [1, 2]
        assert (ann.acked, bob.acked) == ([1], [2])
        assert sorted(chat.store.kept) == [("tea", 1), ("tea", 2)]


@on_an_event_loop
async def test_a_message_is_told_once_to_each_node_and_to_none_without_members() -> None:
    """One publish for each node, not one for each member."""
    async with Chat("a", "b", "c") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        for number in range(5):
            await chat["b"].arrive(f"bob{number}", "tea")
        chat.wire.said.clear()

        await ann.say("hello")
        await settle()

        assert [(to, type(message).__name__) for _, to, message in chat.wire.said] == [("b", "Said")]


@on_an_event_loop
async def test_members_are_counted_and_listed_across_nodes() -> None:
    """As if the chat were one process."""
    async with Chat("a", "b") as chat:
        await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob")
        assert await bob.join("tea") == 2
        await settle()

        for name in ("a", "b"):
            broker = chat[name].node.broker
            assert sorted(await broker.online()) == ["ann", "bob"]
            assert await broker.users_in("tea") == ["ann", "bob"]
            assert await broker.is_in("bob", "tea")
            assert list(await broker.largest_rooms(10, lambda _: True)) == [("tea", 2)]

        assert await bob.leave("tea") == 1
        await bob.go()
        await settle()
        assert await chat["a"].node.broker.online() == ["ann"]
        assert await chat["a"].node.broker.users_in("tea") == ["ann"]


@on_an_event_loop
async def test_presence_is_told_across_nodes_and_never_to_oneself() -> None:
    """Of a user's first and last connection, wherever they are."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea", presence=True)
        bob = await chat["b"].arrive("bob", "tea", presence=True)
        again = await chat["a"].arrive("bob", "tea")
        cat = await chat["b"].arrive("cat", "tea", presence=True)
        await settle()

        def seen(each: Client) -> list[tuple[str, str]]:
            return [(frame["user"], frame["state"]) for frame in each.heard("presence")]

        assert seen(ann) == [("bob", "joined"), ("cat", "joined")]
        assert seen(bob) == [("cat", "joined")]
        assert seen(cat) == []

        await bob.go()
        await settle()
        assert seen(ann)[2:] == []
        await again.go()
        await settle()
        assert seen(ann)[2:] == [("bob", "left")]
        assert seen(cat) == [("bob", "left")]


@on_an_event_loop
async def test_a_direct_message_finds_all_connections_of_both() -> None:
    """The other one's on every node, and the sender's other ones; who is nowhere online is told of."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann")
        anns_phone = await chat["b"].arrive("ann")
        bob = await chat["b"].arrive("bob")
        bobs_phone = await chat["a"].arrive("bob")
        await settle()

        await chat["a"].node.broker.direct(ann.outbox, "ann", Direct("bob", "psst", None))
        await settle()

        for each in (anns_phone, bob, bobs_phone):
            assert [frame["text"] for frame in each.heard("direct")] == ["psst"]
        assert ann.heard("direct") == []
        with pytest.raises(RefusedError, match="not_online"):
            await chat["a"].node.broker.direct(ann.outbox, "ann", Direct("nobody", "psst", None))


@on_an_event_loop
async def test_a_direct_message_that_nobody_got_is_not_on_the_senders_other_screens() -> None:
    """It was refused: nothing was said. What one other got is on all of them, wherever they are."""
    async with Chat("a", "b", "c") as chat:
        ann = await chat["a"].arrive("ann")
        desks = [await chat[name].arrive("ann") for name in "abc"]
        await chat["b"].arrive("bob")
        await settle()

        with pytest.raises(RefusedError, match="not_online"):
            await chat["a"].node.broker.direct(ann.outbox, "ann", Direct("nobody", "psst", None))
        await settle()
        assert [each.heard("direct") for each in desks] == [[], [], []]

        await chat["a"].node.broker.direct(ann.outbox, "ann", Direct("bob", "psst", None))
        await settle()
        assert [len(each.heard("direct")) for each in desks] == [1, 1, 1]


@on_an_event_loop
async def test_who_joins_twice_is_told_how_many_are_there() -> None:
    """All of them, and not only those of its node, on whichever node the room is at home."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann")
        bob = await chat["b"].arrive("bob")
        assert [await ann.join("tea"), await bob.join("tea")] == [1, 2]

        assert [await ann.join("tea"), await bob.join("tea")] == [2, 2]


@on_an_event_loop
async def test_a_kick_an_announcement_and_a_closed_room_reach_everybody() -> None:
    """Wherever the admin is."""
    async with Chat("a", "b", "c") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea", "coffee")
        cat = await chat["c"].arrive("cat", "coffee")
        await settle()
        admin = chat["c"].node.broker

        await admin.announce("closing time", "cat")
        await settle()
        assert all(len(each.heard("announcement")) == 1 for each in (ann, bob, cat))

        await admin.kick("bob", "tea", "cat")
        await settle()
        assert [frame["room"] for frame in bob.heard("kicked")] == ["tea"]
        assert await admin.users_in("tea") == ["ann"]

        await admin.close_room("coffee", "cat")
        await settle()
        assert len(bob.heard("closed")) == len(cat.heard("closed")) == 1
        assert await admin.users_in("coffee") in ([], None)
