"""What waits for an endpoint comes in order, and wakes it."""

import asyncio

import pytest

from target_app.inbox import Inbox
from tests.support.event_loop import on_an_event_loop


@on_an_event_loop
async def test_what_came_first_is_taken_first() -> None:
    """As from a queue."""
    inbox = Inbox()
    assert inbox.empty()
    inbox.put_nowait(1)
    inbox.put_nowait(2)

    assert not inbox.empty()
    assert [await inbox.get(), await inbox.get()] == [1, 2]
    assert inbox.empty()


@on_an_event_loop
async def test_who_waits_is_woken() -> None:
    """By the first of two, and gets the other next."""
    inbox = Inbox()
    reader = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait("a")
    inbox.put_nowait("b")

    assert await reader == "a"
    assert await inbox.get() == "b"


@on_an_event_loop
async def test_a_reader_that_gave_up_takes_nothing_with_it() -> None:
    """What comes later is there for the next one."""
    inbox = Inbox()
    reader = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    inbox.put_nowait("a")

    assert await inbox.get() == "a"
