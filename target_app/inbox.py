"""What has come for an endpoint and was not taken yet; of one connection."""

import asyncio


class Inbox:
    """Takes the place of the `asyncio.Queue` that uvicorn gives each connection, which an idle one fills with 2.3 KB.

    It has one reader, and no limit: uvicorn stops reading the socket while something is in it.
    """

    __slots__ = ("_events", "_reader")

    def __init__(self) -> None:
        self._events: list[object] = []
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, event: object) -> None:
        """Take an event in, and wake who waits for one."""
        self._events.append(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def empty(self) -> bool:
        """Return whether nothing is there to be taken."""
        return not self._events

    async def get(self) -> object:
        """Return the event that came first, once there is one."""
        while not self._events:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._events.pop(0)
