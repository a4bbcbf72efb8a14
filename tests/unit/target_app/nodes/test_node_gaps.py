"""What a node has missed is noticed, and made up for once."""

import pytest

from target_app.refusal import ErrorCode, RefusedError
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_nodes import Chat, settle


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
