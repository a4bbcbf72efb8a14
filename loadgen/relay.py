"""A small and fast WebSocket room relay: what the generator is measured against, since it must not be the slower side.

It speaks a protocol of its own, so that a dialect file (relay.toml) is all chatbench knows of it.
Text frames, at ``/relay?name=NAME``:

    JOIN room      -> JOINED room         leaves the room one was in
    SAY id text    -> MSG room name text  to every member of the room, the sender included
                   -> ACK id              to the sender, after its own copy
    LEAVE          -> LEFT room
    anything else  -> ERR why

``python -m loadgen.relay --port 0`` prints one line when it listens:
``{"ready": true, "url": "http://127.0.0.1:PORT", "pid": PID}``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import uvloop
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from loadgen.engine.limits import raise_open_files_limit

# Thousands of sockets may arrive at once; the kernel cuts this to net.core.somaxconn.
BACKLOG = 4096

# What a client says is short; picows' own 16 KB a socket would be 160 MB at 10,000 sockets.
READ_BUFFER_BYTES = 2048

# A member this far behind is cut off, so that one who stops reading cannot fill the memory.
WRITE_BUFFER_LIMIT_BYTES = 64 * 1024 * 1024

Write = Callable[[bytes], None]

# A room is its members, each with the write method of its socket: the loop of a broadcast looks up nothing.
Room = dict["Member", Write]


def text_frame(payload: bytes) -> bytes:
    """One unmasked, final text frame (RFC 6455, 5.2), ready for any number of sockets."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


class Relay:
    """The rooms, and what a broadcast costs.

    ``work_ns`` of CPU are burnt before each delivery, to make a server that is easily overloaded.
    """

    def __init__(self, work_ns: int) -> None:
        self._work_ns = work_ns
        self._rooms: dict[bytes, Room] = {}

    def enter(self, room_name: bytes, member: Member, write: Write) -> Room:
        """Add a member; the room comes into being with its first one."""
        room = self._rooms.setdefault(room_name, {})
        room[member] = write
        return room

    def leave(self, room_name: bytes, member: Member) -> None:
        """Take a member out; an empty room is forgotten."""
        room = self._rooms[room_name]
        del room[member]
        if not room:
            del self._rooms[room_name]

    def broadcast(self, room: Room, frame: bytes) -> None:
        """Write ``frame`` to every member, at once.

        The frame is encoded once and written below picows. On one core at 500 sockets this costs
        2.2 us a delivery and makes 440,000 a second, nearly all of it the kernel's; picows' own
        ``send`` (2.2 us) and uvloop's transport (2.3 us) could not be told apart from it.
        """
        if not self._work_ns:
            for write in room.values():
                write(frame)
            return
        for write in room.values():
            done_ns = time.perf_counter_ns() + self._work_ns
            while time.perf_counter_ns() < done_ns:
                pass
            write(frame)


class Member(WSListener):
    """One connection."""

    def __init__(self, relay: Relay, name: bytes) -> None:
        self._relay = relay
        self._name = name
        self._room_name: bytes | None = None
        self._room: Room = {}
        self._transport: WSTransport

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Have pause_writing called at the limit instead of at uvloop's 64 KB."""
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=WRITE_BUFFER_LIMIT_BYTES)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Obey one command, or say why not."""
        if frame.msg_type == WSMsgType.CLOSE:
            self._leave()
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        if frame.msg_type == WSMsgType.PONG:
            return
        if frame.msg_type != WSMsgType.TEXT or not frame.fin:
            self._reply(b"ERR only whole text frames are understood")
            return
        verb, _, rest = frame.get_payload_as_bytes().partition(b" ")
        if verb == b"SAY":
            self._say(rest)
        elif verb == b"JOIN" and rest:
            self._leave()
            self._room_name = rest
            self._room = self._relay.enter(rest, self, transport.underlying_transport.write)
            self._reply(b"JOINED " + rest)
        elif verb == b"LEAVE" and self._room_name is not None:
            self._reply(b"LEFT " + self._room_name)
            self._leave()
        elif verb == b"LEAVE":
            self._reply(b"ERR not in a room")
        else:
            self._reply(b"ERR expected JOIN room, SAY id text or LEAVE")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Leave without a word."""
        self._leave()

    def pause_writing(self) -> None:
        """Cut off a member who does not read."""
        self._transport.underlying_transport.abort()

    def _say(self, rest: bytes) -> None:
        message_id, _, text = rest.partition(b" ")
        if self._room_name is None:
            self._reply(b"ERR not in a room")
            return
        self._relay.broadcast(self._room, text_frame(b"MSG %b %b %b" % (self._room_name, self._name, text)))
        if message_id != b"-":  # whose sender wants no acknowledgement
            self._reply(b"ACK " + message_id)

    def _reply(self, payload: bytes) -> None:
        self._transport.underlying_transport.write(text_frame(payload))

    def _leave(self) -> None:
        if self._room_name is not None:
            self._relay.leave(self._room_name, self)
            self._room_name = None


def listener_for(relay: Relay, request: WSUpgradeRequest) -> Member | WSUpgradeResponseWithListener | None:
    """Give a new connection its listener; None is picows' word for 404."""
    url = urlsplit(request.path.decode())
    if url.path != "/relay":
        return None
    names = parse_qs(url.query).get("name")
    if not names:
        why = b"expected /relay?name=NAME"
        refusal = WSUpgradeResponse.create_error_response(HTTPStatus.BAD_REQUEST, why)
        return WSUpgradeResponseWithListener(refusal, None)
    return Member(relay, names[0].encode())


async def serve(host: str, port: int, work_us: float, exit_with_stdin: bool) -> None:
    """Listen, say so on stdout, and return when told to stop."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if exit_with_stdin:
        threading.Thread(target=wait_for_stdin_to_end, args=(loop, stopped), daemon=True).start()

    relay = Relay(work_ns=round(work_us * 1000))
    server = await ws_create_server(
        lambda request: listener_for(relay, request),
        host,
        port,
        backlog=BACKLOG,
        read_buffer_init_size=READ_BUFFER_BYTES,
        # A storm of connections is a test here, not an attack.
        websocket_handshake_timeout=None,
    )
    bound_port = server.sockets[0].getsockname()[1]
    ready = {"ready": True, "url": f"http://{host}:{bound_port}", "pid": os.getpid()}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    server.close()


def wait_for_stdin_to_end(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    """Read stdin away; a thread, because a file or /dev/null cannot be polled."""
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stopped.set)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m loadgen.relay")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--work-us", type=float, default=0, help="microseconds of CPU burnt per delivery")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when stdin ends")
    arguments = parser.parse_args()
    raise_open_files_limit()
    # Writing to a connection that was just lost is an ordinary event here.
    logging.getLogger("aiofastnet").setLevel(logging.ERROR)
    uvloop.run(serve(arguments.host, arguments.port, arguments.work_us, arguments.exit_with_stdin))


if __name__ == "__main__":
    main()
