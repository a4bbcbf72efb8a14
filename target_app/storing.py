"""The life of the store: open before anybody is let in, closed when what was said is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from target_app.services import Services
from target_app.store import StoreError


@asynccontextmanager
async def storing(services: Services) -> AsyncIterator[None]:
    """Number on where the store ends, and keep what is said inside the block. Raises StoreError."""
    try:
        await services.broker.open(await services.store.open())
        services.writer.start()
        yield
        await services.writer.drain(services.settings.limits.storing_s)
    finally:
        await services.store.close()


def told_plainly(app: ASGIApp) -> ASGIApp:
    """Return the same app, which says in one line that its store cannot be opened: Starlette hands on a traceback."""

    async def plain_app(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_plainly(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                _, is_the_store, why = message["message"].strip().rpartition(f"{StoreError.__name__}: ")
                message = {**message, "message": why} if is_the_store else message
            await send(message)

        await app(scope, receive, send_plainly if scope["type"] == "lifespan" else send)

    return plain_app
