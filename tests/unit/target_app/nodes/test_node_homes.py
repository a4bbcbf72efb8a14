"""Rooms and their homes: found again, let go, and joined while all of that goes on."""

import asyncio

import pytest

from target_app.nodes.homes import LEAP
from target_app.refusal import RefusedError
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_nodes import Chat, settle


@on_an_event_loop
async def test_the_room_of_a_dead_node_gets_another_home() -> None:
    """After its lease, not before; no number is given twice, and what was acked is heard by all who missed it."""
    async with Chat("a", "b", "c") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        cat = await chat["c"].arrive("cat", "tea")
        await ann.say("one")
        await settle()
        chat.wire.up.discard("b")
        await ann.say("two")
        await settle()
        chat.wire.up.add("b")
        assert ann.acked == [1, 2]
        await chat.kill("a")

        await chat.pass_s(5)
        await bob.say("too early")
        await settle()
        assert bob.acked == []

        await chat.pass_s(10)
        for _ in range(5):
            await settle()
        await bob.say("three")
        await cat.say("four")
        await settle()

        assert bob.texts() == cat.texts() == ["one", "two", "three", "four"]
        assert (bob.acked, cat.acked) == ([LEAP + 3], [LEAP + 4])
        assert sorted(await chat["c"].node.broker.users_in("tea") or ()) == ["bob", "cat"]


@on_an_event_loop
async def test_a_room_that_nobody_is_in_any_more_is_let_go() -> None:
    """Its next home may be another node, and the next number is the next number."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        await ann.say("one")
        for number in range(20):
            await ann.join(f"room {number}")
            await ann.leave(f"room {number}")
        await ann.leave("tea")
        await chat.pass_s(1)
        assert chat.homes.homes["tea"] == "a"

        await chat.pass_s(1)
        assert set(chat.homes.homes.values()) == {None}
        assert len(chat["a"].rooms) == 1

        bob = await chat["b"].arrive("bob", "tea")
        await bob.say("two")
        await settle()
        assert bob.acked == [2]
        assert chat.homes.homes["tea"] == "b"


@on_an_event_loop
async def test_who_wants_a_room_that_is_being_let_go_gets_it_again() -> None:
    """However the two fall together, it has one home."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        await ann.say("one")
        await ann.leave("tea")
        await chat["a"].node.tick()
        await chat["a"].node.tick()
        bob = await chat["b"].arrive("bob")

        await asyncio.gather(ann.join("tea"), bob.join("tea"))
        await ann.say("two")
        await settle()
        await bob.say("three")
        await settle()

        assert ann.texts()[-2:] == bob.texts() == ["two", "three"]
        assert (ann.acked, bob.acked) == ([1, 2], [3])


@on_an_event_loop
async def test_who_takes_the_place_of_a_dead_node_frees_its_rooms_at_once() -> None:
    """Where somebody knows that it is dead, nobody waits for its lease."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        await ann.say("one")
        await settle()
        await chat.kill("a")

        again = await chat.start("a again", instead_of="a")
        for _ in range(3):
            await settle()
        ann = await again.arrive("ann", "tea")
        await bob.say("two")
        await settle()

        assert bob.acked == [LEAP + 2]
        assert bob.texts() == ["one", "two"]
        assert ann.texts() == ["two"]
        assert await again.node.broker.online() == ["ann", "bob"]


@on_an_event_loop
async def test_a_node_that_ends_in_good_order_leaves_its_rooms_at_once() -> None:
    """The next number is the next number."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        await ann.say("one")
        await settle()

        await chat.members.pop("a").close()
        for _ in range(3):
            await settle()
        await bob.say("two")
        await settle()

        assert bob.acked == [2]


@on_an_event_loop
async def test_who_joins_while_the_home_is_out_of_reach_is_told_so() -> None:
    """Whoever is in a room already, stays there; nobody knows how far it has got, so it cannot be joined."""
    async with Chat("a", "b") as chat:
        await chat["a"].arrive("ann", "tea", "coffee")
        bob = await chat["b"].arrive("bob", "tea")
        chat.wire.cut("b")

        cat = await chat["b"].arrive("cat")
        for room in ("tea", "coffee"):
            with pytest.raises(RefusedError, match="nodes_apart"):
                await cat.join(room)
        assert await bob.join("tea") == 1

        chat.wire.mend("b")
        await settle()
        assert await cat.join("tea") == 3
        assert await chat["a"].node.broker.users_in("tea") == ["ann", "bob", "cat"]
        await bob.say("hello")
        await settle()
        assert cat.texts() == ["hello"]


@on_an_event_loop
async def test_whoever_follows_gets_what_is_said_while_the_store_is_slow() -> None:
    """One who joins is told where live messages begin; everything before that must be in the store."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        chat.store.let_through.clear()
        await ann.say("not stored yet")
        await settle()
        bob = await chat["b"].arrive("bob")

        joining = asyncio.create_task(bob.join("tea"))
        await settle()
        await ann.say("while it joins")
        await settle()
        assert not joining.done()

        chat.store.let_through.set()
        await joining
        await settle()
        page = await chat["b"].history.between("tea", 0, 1, 10)
        assert [message.text for message in page.messages] == ["not stored yet"]
        assert bob.texts() in ([], ["while it joins"])


@on_an_event_loop
async def test_a_room_is_not_let_go_before_what_was_said_in_it_is_stored() -> None:
    """Its next home reads the store, and whoever joins there must find what is acknowledged."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        chat.store.let_through.clear()
        await ann.say("under way")
        await ann.leave("tea")
        await chat.pass_s(3)
        assert chat.homes.homes["tea"] == "a"

        chat.store.let_through.set()
        await chat.pass_s(3)
        assert ann.acked == [1]
        assert chat.homes.homes["tea"] is None


@on_an_event_loop
async def test_who_asks_a_home_that_has_just_come_is_let_in_all_the_same() -> None:
    """Its question is lost, and nobody is told: the home's hello says that it is to be asked again."""
    async with Chat("a", "b") as chat:
        await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob")
        chat.wire.up.discard("a")
        joining = asyncio.create_task(bob.join("tea"))
        await settle()

        chat.wire.mend("a")
        await settle()

        assert await joining == 2


@on_an_event_loop
async def test_who_comes_before_the_home_is_known_to_be_dead_is_not_let_in_yet() -> None:
    """What the home said last may not have got through; its successor has it from the store."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.wire.up.discard("b")
        await ann.say("heard")
        await settle()
        chat.wire.up.add("b")
        await chat.kill("a")

        again = await chat["b"].arrive("ann")
        joining = asyncio.create_task(again.join("tea"))
        await chat.pass_s(6)
        with pytest.raises(RefusedError, match="nodes_apart"):
            await joining
        await chat.pass_s(10)
        await again.join("tea")
        await bob.say("news")
        await settle()

        assert bob.texts() == ["heard", "news"]
        assert again.texts() == ["news"]
