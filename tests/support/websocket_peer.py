"""A WebSocket server that keeps the rules, by the `websockets` library."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def websocket_server(handler: Handler, *, compression: str | None = None, **options: Any) -> AsyncIterator[str]:
    """Give every connection to ``handler``; the base URL, as ``--target`` takes it."""
    async with serve(handler, "127.0.0.1", 0, compression=compression, **options) as server:
        scheme = "https" if "ssl" in options else "http"
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
