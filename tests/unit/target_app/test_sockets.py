"""What a conversation leaves behind: nothing."""

import asyncio
import gc
import time
import weakref
from typing import cast

import pytest

from target_app.outbox import Outbox
from target_app.services import Services, make_services
from target_app.settings import Settings
from target_app.sockets import INTERNAL_ERROR, conversation
from target_app.tokens import Identity


@pytest.fixture
def services() -> Services:
    # The smallest cost argon2 allows: nobody logs in here.
    return make_services(Settings(argon2_memory_kib=8, argon2_passes=1))


class FakeOutbox:
    """Remembers how it was closed."""

    def __init__(self) -> None:
        self.closes: list[tuple[int, str]] = []

    def close(self, code: int, reason: str) -> None:
        self.closes.append((code, reason))


def identity(lifetime_s: float = 3_600) -> Identity:
    return Identity("ann", ("member",), round(time.time() + lifetime_s))


def test_a_conversation_that_is_over_is_not_remembered(services: Services) -> None:
    """A timer that waited for its token's end would keep each connection in memory for an hour."""

    async def talk() -> "weakref.ref[FakeOutbox]":
        outbox = FakeOutbox()
        with conversation(cast(Outbox, outbox), identity(), services, 1008):
            assert services.connections_of["ann"] == 1
        return weakref.ref(outbox)

    async def talk_and_look() -> FakeOutbox | None:
        remembered = await talk()
        gc.collect()
        return remembered()

    assert asyncio.run(talk_and_look()) is None
    assert not services.connections_of


def test_a_conversation_whose_token_has_ended_is_closed(services: Services) -> None:
    """With the code that the endpoint chose, as soon as the loop has a turn."""

    async def talk() -> list[tuple[int, str]]:
        outbox = FakeOutbox()
        with conversation(cast(Outbox, outbox), identity(lifetime_s=-1), services, 4401):
            while not outbox.closes:
                await asyncio.sleep(0)
        return outbox.closes

    assert asyncio.run(talk()) == [(4401, "Token expired")]


def test_a_conversation_that_fails_is_closed_and_forgotten(services: Services) -> None:
    """The fault is ours, and is not the next one's: the user may come again."""

    async def talk() -> list[tuple[int, str]]:
        outbox = FakeOutbox()
        with conversation(cast(Outbox, outbox), identity(), services, 1008):
            raise RuntimeError("ours")
        return outbox.closes

    assert asyncio.run(talk()) == [(INTERNAL_ERROR, "Internal server error")]
    assert not services.connections_of
