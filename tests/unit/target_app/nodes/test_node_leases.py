"""Who numbers the messages of a room: only who holds its lease, and as long as it holds it."""

from target_app.nodes.homes import LEAP
from target_app.refusal import ErrorCode
from target_app.store import StoreError
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_nodes import Chat, settle


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
