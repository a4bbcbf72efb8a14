"""The writer: groups, order, bounds, outages, and the end."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from target_app.rooms import Message
from target_app.settings import Limits
from target_app.store import ClashError, StoreError
from target_app.writer import GROUP_MAX, StoreBehindError, Writer
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_store import MemoryStore
from tests.support.patience import PATIENCE_S
from tests.support.waiting import Bell

FULL = StoreError("chat.db: database or disk is full")


def message(seq: int, text: str = "hello") -> Message:
    return Message("tea", seq, "ann", text, sent_at_ms=seq)


@dataclass(slots=True)
class Answers:
    """What the writer said of each message, in that order."""

    heard: list[tuple[int, StoreError | None]] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)

    def put(self, writer: Writer, *seqs: int) -> None:
        for seq in seqs:
            writer.put(message(seq), partial(self.hear, seq))

    def hear(self, seq: int, error: StoreError | None) -> None:
        self.heard.append((seq, error))
        self.bell.ring()

    async def until(self, count: int) -> list[tuple[int, StoreError | None]]:
        await self.bell.until(lambda: len(self.heard) >= count)
        return self.heard


@asynccontextmanager
async def writing(store: MemoryStore, limits: Limits | None = None) -> AsyncIterator[tuple[Writer, Answers]]:
    writer = Writer(store, limits or Limits())
    writer.start()
    yield writer, Answers()
    await writer.drain(PATIENCE_S)


async def begun(store: MemoryStore, group_count: int) -> None:
    """Wait until the store was asked for so many groups."""
    while len(store.groups) < group_count:
        await asyncio.sleep(0)


@on_an_event_loop
async def test_a_message_is_said_to_be_stored_when_it_is() -> None:
    """And not before: an ack is a promise."""
    store = MemoryStore()
    async with writing(store) as (writer, answers):
        store.let_through.clear()
        answers.put(writer, 1)
        await begun(store, 1)
        assert answers.heard == []
        assert writer.waiting_count == 1

        store.let_through.set()
        assert await answers.until(1) == [(1, None)]
        assert store.kept == {("tea", 1): message(1)}
        assert (writer.waiting_count, writer.stored_count, writer.failed_count) == (0, 1, 0)


@on_an_event_loop
async def test_what_gathers_during_a_write_is_the_next_group() -> None:
    """The first goes at once, alone; no timer makes anybody wait; answers come in the order of the messages."""
    store = MemoryStore()
    async with writing(store) as (writer, answers):
        store.let_through.clear()
        answers.put(writer, 1)
        await begun(store, 1)
        answers.put(writer, 2, 3, 4)
        store.let_through.set()

        assert await answers.until(4) == [(1, None), (2, None), (3, None), (4, None)]
        assert [[each.seq for each in group] for group in store.groups] == [[1], [2, 3, 4]]


@on_an_event_loop
async def test_a_group_has_a_size_that_does_not_hold_up_the_event_loop() -> None:
    """After a pause of the disk thousands may wait."""
    store = MemoryStore()
    async with writing(store) as (writer, answers):
        answers.put(writer, *range(1, 2 * GROUP_MAX + 2))

        await answers.until(2 * GROUP_MAX + 1)
        assert [len(group) for group in store.groups] == [GROUP_MAX, GROUP_MAX, 1]


@on_an_event_loop
async def test_a_put_never_waits_for_the_store() -> None:
    """It is on the way of every message to its room."""
    store = MemoryStore()
    async with writing(store) as (writer, answers):
        store.let_through.clear()
        answers.put(writer, *range(1, 101))

        assert writer.waiting_count == 100
        assert store.groups == []
        store.let_through.set()


@on_an_event_loop
async def test_a_store_that_is_behind_takes_nothing_more() -> None:
    """What waits is bounded: the next message is refused at once, with a reason of its own, and costs no other."""
    store = MemoryStore()
    async with writing(store, Limits(unstored_messages=3)) as (writer, answers):
        store.let_through.clear()
        answers.put(writer, 1, 2)
        assert not writer.behind
        answers.put(writer, 3)
        assert writer.behind
        assert writer.worry() == "the store is behind"

        answers.put(writer, 4)
        ((seq, error),) = answers.heard
        assert seq == 4
        assert isinstance(error, StoreBehindError)
        assert (writer.waiting_count, writer.failed_count) == (3, 1)

        store.let_through.set()
        assert (await answers.until(4))[1:] == [(1, None), (2, None), (3, None)]
        assert not writer.behind
        assert writer.worry() is None
        answers.put(writer, 5)
        assert (await answers.until(5))[-1] == (5, None)


@on_an_event_loop
async def test_large_texts_are_behind_earlier_than_small_ones() -> None:
    """A thousand messages may be 50 KB or 50 MB: what counts is the memory they hold."""
    store = MemoryStore()
    text = "👍" * 1_000
    async with writing(store, Limits(unstored_bytes=2 * sys.getsizeof(text))) as (writer, _):
        store.let_through.clear()
        writer.put(message(1, text), lambda _: None)
        assert not writer.behind
        writer.put(message(2, text), lambda _: None)
        assert writer.behind

        store.let_through.set()
        await writer.drain(PATIENCE_S)
        assert not writer.behind


@on_an_event_loop
async def test_an_outage_is_told_to_everyone_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A full disk at 1,000 messages a second must not fill the log, too."""
    store = MemoryStore(broken=FULL)
    async with writing(store) as (writer, answers):
        for seq in (1, 2, 3):
            answers.put(writer, seq)
            assert (await answers.until(seq))[-1] == (seq, FULL)

        assert writer.last_error is FULL
        assert writer.worry() == "messages are not stored"
        assert writer.failed_count == 3
    assert [record.getMessage() for record in caplog.records] == [f"messages are not stored: {FULL}"]


@on_an_event_loop
async def test_writing_goes_on_when_the_outage_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """With what comes next: the lost one stays a gap. A later outage is logged again."""
    store = MemoryStore(broken=FULL)
    async with writing(store) as (writer, answers):
        for seq, broken in enumerate([FULL, None, FULL], start=1):
            store.broken = broken
            answers.put(writer, seq)
            assert (await answers.until(seq))[-1] == (seq, broken)
            assert writer.last_error is broken

    assert list(store.kept) == [("tea", 2)]
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"messages are not stored: {FULL}", "messages are stored again", f"messages are not stored: {FULL}"]


@on_an_event_loop
async def test_a_fault_of_ours_costs_one_group(caplog: pytest.LogCaptureFixture) -> None:
    """A bug in the store ends with a traceback in the log, and the next messages are stored."""
    store = MemoryStore(broken=ZeroDivisionError("a bug"))
    async with writing(store) as (writer, answers):
        answers.put(writer, 1)
        assert str((await answers.until(1))[0][1]) == "internal error"
        store.broken = None
        answers.put(writer, 2)
        assert (await answers.until(2))[1] == (2, None)

    assert "ZeroDivisionError: a bug" in caplog.text


@on_an_event_loop
async def test_a_number_that_another_server_gave_out_costs_one_message() -> None:
    """All that came with it are stored, and everybody is told in the order of the messages."""
    theirs = [message(seq, "theirs") for seq in (3, 7)]
    store = MemoryStore({("tea", each.seq): each for each in theirs})
    async with writing(store) as (writer, answers):
        answers.put(writer, *range(1, 9))

        heard = await answers.until(8)
        assert [seq for seq, _ in heard] == list(range(1, 9))
        assert [seq for seq, error in heard if isinstance(error, ClashError)] == [3, 7]
        assert [seq for seq, error in heard if error is None] == [1, 2, 4, 5, 6, 8]
    assert [store.kept["tea", seq].text == "theirs" for seq in (3, 7)] == [True, True]
    assert (writer.stored_count, writer.failed_count, writer.worry()) == (6, 2, None)


@on_an_event_loop
async def test_one_conversation_that_fails_takes_no_other_along(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever is told of the same group after it still hears of it."""

    def fail(_: StoreError | None) -> None:
        raise ZeroDivisionError

    store = MemoryStore()
    async with writing(store) as (writer, answers):
        writer.put(message(1), fail)
        answers.put(writer, 2)

        assert await answers.until(1) == [(2, None)]
    assert "ZeroDivisionError" in caplog.text


@on_an_event_loop
async def test_a_message_put_by_an_answer_is_stored_as_well() -> None:
    """Whoever gets an ack may say the next thing at once."""
    store = MemoryStore()
    async with writing(store) as (writer, answers):
        writer.put(message(1), lambda _: answers.put(writer, 2))

        assert await answers.until(1) == [(2, None)]
        assert list(store.kept) == [("tea", 1), ("tea", 2)]


@on_an_event_loop
async def test_any_number_may_wait_for_the_same_message() -> None:
    """Thousands come back at once and read what they missed: none of them is forgotten, and neither is the ack."""
    store = MemoryStore()
    async with writing(store) as (writer, answers):
        store.let_through.clear()
        answers.put(writer, 1)
        waiting = [asyncio.create_task(writer.settled()) for _ in range(3_000)]
        waiting.pop().cancel()
        await begun(store, 1)
        assert not any(task.done() for task in waiting)

        store.let_through.set()
        await asyncio.gather(*waiting)
        assert answers.heard == [(1, None)]


@on_an_event_loop
async def test_who_waits_for_what_was_put_does_not_wait_for_what_comes_after() -> None:
    """In a room where somebody always talks, a history would never come."""
    store = MemoryStore()
    async with writing(store) as (writer, answers):
        answers.put(writer, *range(1, GROUP_MAX + 1))
        waiting = asyncio.create_task(writer.settled())
        await asyncio.sleep(0)
        answers.put(writer, GROUP_MAX + 1)
        await answers.until(GROUP_MAX)
        store.let_through.clear()

        await waiting
        assert writer.waiting_count == 1
        store.let_through.set()


@on_an_event_loop
async def test_a_drain_stores_all_that_waits_and_takes_no_more() -> None:
    """A server that stops loses nothing that it has taken."""
    store = MemoryStore()
    writer, answers = Writer(store, Limits()), Answers()
    writer.start()
    answers.put(writer, *range(1, GROUP_MAX + 2))
    await writer.drain(PATIENCE_S)

    assert answers.heard == [(seq, None) for seq in range(1, GROUP_MAX + 2)]
    answers.put(writer, 1_000)
    assert isinstance(answers.heard[-1][1], StoreBehindError)


@on_an_event_loop
async def test_a_drain_that_takes_too_long_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is acknowledged, and the end of the server does not wait for a disk that hangs."""
    store = MemoryStore()
    writer, answers = Writer(store, Limits()), Answers()
    writer.start()
    store.let_through.clear()
    answers.put(writer, 1)
    await begun(store, 1)
    answers.put(writer, 2)
    await writer.drain(0)

    assert [(seq, str(error)) for seq, error in answers.heard] == [
        (1, "the server stopped first"),
        (2, "the server stopped first"),
    ]
    assert writer.waiting_count == 0
    assert [record.getMessage() for record in caplog.records] == [
        "2 messages were not stored before the server stopped"
    ]


@on_an_event_loop
async def test_a_writer_that_never_started_drains_at_once() -> None:
    """A server whose start failed ends like any other."""
    await Writer(MemoryStore(), Limits()).drain(PATIENCE_S)
