"""The door to uvicorn: one WebSocket connection, with an outbox and an end it cannot put off.

uvicorn's `await send(...)` waits until the reader has read, which is the right
thing for one connection and the wrong one for a room. It hands us its flow control
(pause_writing, resume_writing) and its transport; the endpoints find what we
make of them, the outbox, in the ASGI scope's extensions.
"""

import asyncio
import socket
import time
from typing import cast

from fastapi import WebSocket
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame
from websockets.http11 import Request

from target_app.inbox import Inbox
from target_app.outbox import SERVICE_RESTART, Outbox, Outboxes
from target_app.throttle import Bucket

EXTENSION = "target_app.outbox"
# The lifespan puts the outboxes into the ASGI state under this name.
OUTBOXES = "outboxes"

POLICY_VIOLATION = 1008

_HAS_LOWAT = hasattr(socket, "TCP_NOTSENT_LOWAT")  # Linux and macOS

# What is parsed in one go; then everybody else has a turn. A read may bring 256 KiB, which is 43,000 pings or empty
# texts: while one client sent 2.4 MB of them, a stranger's ping took up to 1.9 s, and up to 0.16 s in bites.
BITE_BYTES = 16 * 1024


def outbox_of(websocket: WebSocket) -> Outbox:
    """Return the outbox of an accepted WebSocket; use it in place of `websocket.send_text`."""
    return cast(Outbox, websocket.scope["extensions"][EXTENSION])


class ChatConnection(WebSocketsSansIOProtocol):
    """One WebSocket connection: it writes through its outbox, and every close has a time limit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the outbox."""
        super().connection_made(transport)
        outboxes: Outboxes = self.app_state[OUTBOXES]
        self.close_timeout = outboxes.limits.closing_s
        sock = transport.get_extra_info("socket")
        if _HAS_LOWAT and sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, outboxes.limits.unsent_bytes)
        if outboxes.write_at_once:
            # uvloop 0.21 collects writes until the end of its round, unless they would not fit into the buffer.
            self.transport.set_write_buffer_limits(high=0)
        self.write = self.transport.write
        self.is_closing = self.transport.is_closing
        self.outbox = Outbox(self, outboxes)
        # Nothing has come yet: uvicorn has just made it.
        self.queue = cast("asyncio.Queue[ASGIReceiveEvent]", Inbox())
        # What was read and not parsed yet; as long as there is any, nothing more is read.
        self.unparsed = b""
        # Of the frames that no endpoint ever sees, and so cannot count.
        self.unseen_frames = Bucket(outboxes.limits.frames_per_s, outboxes.limits.frames_at_once)

    def data_received(self, data: bytes) -> None:
        """Parse what came, a bite at a time; what comes before our answer to the handshake, behind that answer."""
        if self.handshake_initiated and not self.handshake_complete:
            # Parsed now, a ping would be answered before the handshake is, and a broken frame by nothing.
            self.unparsed += data
            if len(self.unparsed) > BITE_BYTES:
                self.transport.pause_reading()
            return
        if len(data) <= BITE_BYTES and not self.unparsed:
            super().data_received(data)
            return
        self.transport.pause_reading()
        is_busy = bool(self.unparsed)
        self.unparsed += data
        if not is_busy:
            self._take_a_bite()

    def _take_a_bite(self) -> None:
        if self.disconnected:
            return
        bite, self.unparsed = self.unparsed[:BITE_BYTES], self.unparsed[BITE_BYTES:]
        super().data_received(bite)
        if self.unparsed:
            # Ours to say when to read on; uvicorn would as soon as the endpoint has nothing to do.
            self.read_paused = False
            self.loop.call_soon(self._take_a_bite)
            return
        self.read_paused = not (self.queue.empty() or self.close_sent)
        if not self.read_paused:
            self.transport.resume_reading()

    async def run_asgi(self) -> None:
        """Run the endpoint, with the outbox where it finds it."""
        extensions = cast(dict[str, object], self.scope["extensions"])
        extensions[EXTENSION] = self.outbox
        await super().run_asgi()

    def handle_connect(self, event: Request) -> None:
        """Answer the upgrade, and forget its headers, which the ASGI scope has: 2 KB of an idle connection."""
        super().handle_connect(event)
        event.headers = Headers()

    async def send(self, message: ASGISendEvent) -> None:
        """Carry out what the endpoint says, and forget the answer to the upgrade, too: 1 KB."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            del self.response
            if self.unparsed and self.handshake_complete:
                self._take_a_bite()

    def begin_close(self, code: int, reason: str) -> bytes:
        """Start the closing handshake; a peer that does not take part in it is cut.

        `transport.close()` would wait for the peer to read, for ever if it never does.
        """
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
        # Wakes the endpoint, which leaves its rooms.
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._read_on()
        self.conn.send_close(code, reason)
        return b"".join(self.conn.data_to_send())

    def shutdown(self) -> None:
        """Told by uvicorn: the server stops. The client gets what waits for it, and then 1012."""
        if not self.handshake_complete:
            super().shutdown()
        elif not self.close_sent:
            self.outbox.close(SERVICE_RESTART, "Server is stopping")

    def pause_writing(self) -> None:
        """Told by the transport: more than its high-water mark is unsent."""
        super().pause_writing()
        self.outbox.pause()

    def resume_writing(self) -> None:
        """Told by the transport: the reader caught up."""
        super().resume_writing()
        self.outbox.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """Told by the transport: nothing more will come or go."""
        super().connection_lost(exc)
        self.outbox.lost()

    def eof_received(self) -> None:
        """Told by the transport, which closes itself now: after the last byte is read, or not at all."""
        self._cut_if_unread()

    def handle_ping(self) -> None:
        """Answer through the outbox: who pings and never reads is a slow reader like any other."""
        pong = b"".join(self.conn.data_to_send())
        if self._may_go_on():
            self.outbox.send(pong)

    def handle_pong(self, event: Frame) -> None:
        """Nobody asked for it."""
        self._may_go_on()

    def handle_cont(self, event: Frame) -> None:
        """Take one more part of a message; parts may be empty, so their bytes alone would not bound them."""
        if self._may_go_on():
            super().handle_cont(event)

    def handle_close(self, event: Frame) -> None:
        """Answer the peer's close frame, or take its answer to ours."""
        self.outbox.lost()
        super().handle_close(event)
        self._cut_if_unread()

    def handle_parser_exception(self) -> None:
        """Close on a frame that breaks the rules (too large: 1009).

        uvicorn would close the socket at once. With the rest of the frame unread that
        resets the connection, and the peer never sees the code: so say it, end our
        side, and read on until the peer ends its own.
        """
        if self.close_sent:
            return
        close = self.conn.close_sent
        assert close is not None
        self.outbox.lost()
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self._read_on()

    def _may_go_on(self) -> bool:
        is_one_too_many = not self.unseen_frames.take(time.monotonic_ns())
        if is_one_too_many:
            self.outbox.close(POLICY_VIOLATION, "Too many messages")
        return not is_one_too_many

    def _read_on(self) -> None:
        # uvicorn stops reading while the endpoint is busy; the answer to a close frame must still come in.
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _cut_if_unread(self) -> None:
        if self.transport.get_write_buffer_size() and self.close_timer is None:
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
