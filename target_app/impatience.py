"""HTTP that does not come to an end: who says nothing, or half a head, or does not read, is not waited for.

uvicorn waits for ever, and takes a head of any size. Thousands of such connections would take every descriptor
(known as Slowloris), and a few heads without end all memory. It takes any number of connections, too: where there are
no descriptors left, nothing works any more, and nobody is told.
"""

import asyncio
import sys
from http import HTTPStatus
from typing import cast

from httptools import HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from target_app.connection import OUTBOXES
from target_app.outbox import Outboxes

# From the first byte, or from the connection where none comes, to the last byte of the head and the body.
REQUEST_S = 10.0

# To take what fills our buffer, 48 KiB of an answer or more: 2.4 KB a second will do.
ANSWER_S = 20.0

# What other servers take, too. A WebSocket's handshake beyond it, or the library's 8 KiB a line and 128 headers,
# would be left without any answer.
HEAD_BYTES = 8 * 1024
HEADERS = 100

# One too many is told so when it asks, and is cut when it does not ask soon. So many of them are waited for at a time.
TURNED_AWAY_S = 1.0
TURNED_AWAY = 32


class ImpatientProtocol(HttpToolsProtocol):
    """Cuts a connection whose request or reader does not come in time, and refuses a head that is too large (431)."""

    _waiting: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None
    _is_one_too_many = False
    _in_head = False
    _head_bytes = 0
    _has_ended_one = False
    # What is being parsed.
    _read = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait; not for long where there is no room for it."""
        super().connection_made(transport)
        outboxes: Outboxes = self.app_state[OUTBOXES]
        over = len(self.connections) - outboxes.limits.connections
        self._is_one_too_many = over > 0
        if over > 0:
            outboxes.turned_away_count += 1
        if over > TURNED_AWAY:
            transport.abort()
        else:
            self._wait(REQUEST_S if over <= 0 else TURNED_AWAY_S)

    def data_received(self, data: bytes) -> None:
        """Read on, unless that is still the head and there is too much of it, or no room for whoever sends it."""
        if self._is_one_too_many:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Retry-After: 1\r\n")
            return
        if self._waiting is None:
            # Blank lines may come before a request and begin none (RFC 9112, 2.2), and stop uvicorn's own clock.
            self._wait(REQUEST_S)
        self._has_ended_one = False
        self._read = data
        super().data_received(data)
        self._read = b""
        # Of a read that ended another request it is unknown how much belongs to this head.
        if self._in_head and not self._has_ended_one:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Wait for the rest of it."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._wait(REQUEST_S)

    def on_headers_complete(self) -> None:
        """It has a head."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is all there; between two requests uvicorn's own time limit holds."""
        super().on_message_complete()
        self._has_ended_one = True
        self._stop_waiting()

    def pause_writing(self) -> None:
        """Told by the transport: the client does not read its answers, or not so fast."""
        super().pause_writing()
        self._untaken = self.loop.call_later(ANSWER_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Told by the transport: the client has read most of what waited."""
        super().resume_writing()
        self._stop_waiting_for_the_reader()

    def timeout_keep_alive_handler(self) -> None:
        """Told by uvicorn: no further request came. It closes, and would wait until all is read."""
        super().timeout_keep_alive_handler()
        self._wait(REQUEST_S)

    def handle_websocket_upgrade(self) -> None:
        """From here on it is a WebSocket's connection."""
        self._stop_waiting()
        self._stop_waiting_for_the_reader()
        fields_bytes = sum(len(name) + len(value) for name, value in self.headers)
        if len(self.url) + fields_bytes > HEAD_BYTES or len(self.headers) > HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().handle_websocket_upgrade()
            self._pass_on_what_came_behind()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there to wait for."""
        self._stop_waiting()
        self._stop_waiting_for_the_reader()
        super().connection_lost(exc)

    def _pass_on_what_came_behind(self) -> None:
        """Give a WebSocket what came in the same read as its handshake; uvicorn drops it.

        RFC 6455 (4.1) wants a client to wait for the answer. One that does not would lose its first message, and
        nobody would be told.
        """
        # The parser tells where the handshake ends by an exception, which uvicorn handles by calling us.
        upgrade = sys.exception()
        assert isinstance(upgrade, HttpParserUpgrade), upgrade
        behind = self._read[upgrade.args[0] :]
        if behind and not self.transport.is_closing():
            cast(asyncio.Protocol, self.transport.get_protocol()).data_received(behind)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _stop_waiting_for_the_reader(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _refuse(self, status: HTTPStatus, headers: str = "") -> None:
        if self.transport.is_closing():
            return
        self.transport.write(
            f"HTTP/1.1 {status} {status.phrase}\r\n{headers}Connection: close\r\nContent-Length: 0\r\n\r\n".encode()
        )
        self.transport.close()
