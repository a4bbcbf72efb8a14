"""Several nodes, one chat: what its members see, whatever happens between the nodes."""

import asyncio

import pytest

from target_app.nodes.homes import LEAP
from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms_protocol import Direct
from target_app.store import StoreError
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


@on_an_event_loop
async def test_a_node_that_was_cut_off_catches_up() -> None:
    """Rooms at home here go on; what others missed comes once and in order when they are back."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        await ann.say("before")
        await settle()

        chat.wire.cut("b")
        await ann.say("meanwhile")
        await bob.say("in vain")
        await settle()
        assert ann.texts() == ["before", "meanwhile"]
        assert bob.texts() == ["before"]
        assert bob.refusals() == [ErrorCode.NODES_APART]
        assert [frame["code"] for frame in bob.heard("error")] == ["nodes_apart"]
        assert chat["b"].node.worry() == "other servers cannot be reached"

        chat.wire.mend("b")
        await settle()
        await ann.say("after")
        await bob.say("heard again")
        await settle()

        assert bob.texts() == ann.texts() == ["before", "meanwhile", "after", "heard again"]
        assert [frame["seq"] for frame in bob.heard()] == [1, 2, 3, 4]
        assert bob.acked == [4]
        assert chat["b"].node.worry() is None


@on_an_event_loop
async def test_who_is_back_before_its_home_does_not_wait_for_an_answer_that_cannot_come() -> None:
    """What it asked meanwhile is lost; it asks again when the home is back, too, and no clock has to go on for that."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        for node in ("a", "b"):
            chat.wire.cut(node)
        await ann.say("meanwhile")

        chat.wire.mend("b")
        await settle()
        assert bob.texts() == []
        chat.wire.mend("a")
        await settle()

        assert bob.texts() == ["meanwhile"]


@on_an_event_loop
async def test_a_gap_is_noticed_by_the_next_message() -> None:
    """A bus may lose a message without a word."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.wire.up.discard("b")
        await ann.say("lost on the way")
        await settle()
        chat.wire.up.add("b")
        assert bob.texts() == []

        await ann.say("the next")
        await settle()

        assert bob.texts() == ["lost on the way", "the next"]


@on_an_event_loop
async def test_a_message_that_is_lost_is_noticed_though_it_was_the_last() -> None:
    """The home says how far a room has got, for a while."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.wire.up.discard("b")
        await ann.say("lost on the way")
        await settle()
        chat.wire.up.add("b")

        await chat.pass_s(1)
        assert bob.texts() == ["lost on the way"]

        await chat.pass_s(5)
        chat.wire.said.clear()
        await chat.pass_s(1)
        assert {type(message).__name__ for _, _, message in chat.wire.said} == {"Beat"}


@on_an_event_loop
async def test_much_that_was_missed_comes_in_parts() -> None:
    """More than one answer holds, and more than memory keeps: the store has it."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.wire.cut("b")
        for number in range(1_600):
            await ann.say(str(number))
        await settle()

        chat.wire.mend("b")
        for _ in range(20):
            await settle()

        assert bob.texts() == [str(number) for number in range(1_600)]


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
async def test_who_was_frozen_longer_than_its_lease_numbers_nothing_before_it_has_asked() -> None:
    """Somebody else may be the home by now."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        await ann.say("one")
        await settle()

        await chat.pass_s(15, living=["b"])
        await bob.say("two")
        await settle()
        assert bob.acked == [LEAP + 2]

        # It wakes up, and its user speaks before anything else happens.
        await ann.say("too early")
        assert ann.refusals() == [ErrorCode.STORAGE_BEHIND]
        await chat.pass_s(3)
        await ann.say("three")
        await settle()

        assert ann.texts() == bob.texts() == ["one", "two", "three"]
        assert ann.acked == [1, LEAP + 3]


@on_an_event_loop
async def test_what_is_stored_after_the_lease_is_not_acknowledged() -> None:
    """Whoever has the room by then has read the store before, and passes it on to nobody."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.wire.up.discard("a")
        chat.store.let_through.clear()
        await ann.say("written too late")
        await settle()

        await chat.pass_s(15, living=["b"])
        chat.store.let_through.set()
        await settle()

        assert bob.texts() == []
        assert ann.acked == []
        assert [str(error) for error in ann.failed] == ["another server may have the room by now"]


@on_an_event_loop
async def test_a_home_that_had_lost_its_lease_for_a_moment_has_its_followers_again() -> None:
    """Nobody had taken the room: so nobody but the home itself knows that it had none."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.homes.is_broken = True
        await chat.pass_s(11)
        chat.homes.is_broken = False
        await chat.pass_s(3)

        await ann.say("one")
        await bob.say("two")
        await settle()

        assert ann.texts() == bob.texts() == ["one", "two"]


@on_an_event_loop
async def test_without_the_database_nothing_is_numbered_beyond_the_lease() -> None:
    """And with it again, the room goes on, where nobody else took it."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        chat.homes.is_broken = True
        await chat.pass_s(11)
        await ann.say("in vain")
        assert ann.refusals() == [ErrorCode.STORAGE_BEHIND]
        assert chat["a"].node.worry() == "rooms cannot be kept"

        chat.homes.is_broken = False
        await chat.pass_s(2)
        await ann.say("one")
        await settle()

        assert ann.acked == [1]
        assert chat["a"].node.worry() is None


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
async def test_nothing_is_acknowledged_of_a_room_that_was_another_ones_meanwhile() -> None:
    """The lease lasts again when the store is done, and says nothing of what others have read before."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.store.let_through.clear()
        chat.wire.up.discard("b")
        await ann.say("under way")
        await settle()
        chat.wire.up.add("b")
        await chat.pass_s(15, living=["b"])
        assert chat.homes.homes["tea"] == "b"

        await chat.pass_s(3)
        chat.store.let_through.set()
        await settle()

        assert bob.texts() == []
        assert ann.acked == []
        assert [type(error) for error in ann.failed] == [StoreError]


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
async def test_whoever_is_cut_off_is_told_though_the_home_had_been_silent_before() -> None:
    """Where nothing comes through any more, the others fall silent a moment before the bus is known to be away."""
    async with Chat("a", "b") as chat:
        await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.wire.up.discard("a")
        await chat.pass_s(4)
        chat.wire.cut("b")

        assert [frame["code"] for frame in bob.heard("error")] == ["nodes_apart"]


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
async def test_who_comes_to_a_node_that_misses_something_hears_nothing_a_second_time() -> None:
    """The home went on without the others, and died: its members know more of the room than where they come to."""
    async with Chat("a", "b") as chat:
        ann = await chat["a"].arrive("ann", "tea")
        bob = await chat["b"].arrive("bob", "tea")
        chat.wire.cut("b")
        await ann.say("heard")
        await settle()
        await chat.kill("a")

        again = await chat["b"].arrive("ann")
        with pytest.raises(RefusedError, match="nodes_apart"):
            await again.join("tea")
        chat.wire.mend("b")
        await chat.pass_s(14)
        await again.join("tea")
        await bob.say("news")
        await settle()

        assert bob.texts() == ["heard", "news"]
        assert again.texts() == ["news"]


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
