"""HTTP requests that are begun and not finished: a client that says nothing, or half a head, is not waited for.

uvicorn waits for ever. Thousands of such connections would take every descriptor (known as Slowloris).
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# From the first byte, or from the connection where none comes, to the last byte of the head and the body.
REQUEST_S = 10.0


class ImpatientProtocol(HttpToolsProtocol):
    """Cuts a connection whose request is not there in time."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Wait for the rest of it."""
        super().on_message_begin()
        self._wait()

    def on_message_complete(self) -> None:
        """It is all there; between two requests uvicorn's own time limit holds."""
        super().on_message_complete()
        self._stop_waiting()

    def handle_websocket_upgrade(self) -> None:
        """From here on it is a WebSocket's connection."""
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there to wait for."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
