"""The life of the store: open before anybody is let in, closed when what was said is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from target_app.services import Services


async def open_store(services: Services) -> None:
    """Number on where the store ends, and begin to write. Raises StoreError and BusError."""
    await services.broker.open(await services.store.open())
    services.writer.start()
    if services.node is not None:
        await services.node.open()
        services.node.start()


@asynccontextmanager
async def storing(services: Services) -> AsyncIterator[None]:
    """Keep what is said inside the block, in the store that is open already; then close it."""
    try:
        yield
        await services.writer.drain(services.settings.limits.storing_s)
        if services.node is not None:
            await services.node.close()
    finally:
        await services.store.close()
