"""The life of the store: open before anybody is let in, closed when what was said is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from target_app.services import Services


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
