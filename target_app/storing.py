"""The life of the store: open before anybody is let in, closed when what was said is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from target_app.nodes.homes import LEAP
from target_app.services import Services


async def open_store(services: Services) -> None:
    """Number on where the store ends, and begin to write. Raises StoreError and BusError.

    A server that was killed may have sent messages that it did not store. Whoever heard them asks for what came after
    them: so their numbers are not given again. Of several nodes each home sees to that (``nodes.homes``).
    """
    last_seqs = await services.store.open()
    if services.node is None and services.store.was_cut_off:
        last_seqs = {room: seq + LEAP for room, seq in last_seqs.items()}
    await services.broker.open(last_seqs)
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
