"""The server of every side: the relay of the package, which also publishes, counts, and tells what it sees.

    python -m benchmarks.peers.target --sockets N

Lines of JSON on standard output tell what happened: ``ready``, ``joined`` (the last of N has), ``window_begins``,
``window_ends``. Lines of JSON on standard input tell it what to do:

    {"publish": {"rate_per_s": 20, "warmup_s": 1, "seconds": 10, "payload_bytes": 200}}
    {"close": true}

A message of the window holds its two times of sending, ``~at=`` (monotonic ns) and ``sent=`` (ns since 1970), 19 digits
each; one of the warm-up holds neither. So whoever reads needs to know no window, and no reader is at any other's mercy
for the time of sending. A side that sends for itself needs none of this.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from time import monotonic_ns, time_ns
from typing import Any

import uvloop
from picows import WSCloseCode, WSTransport, WSUpgradeRequest, ws_create_server

from benchmarks.peers.watch import queued_bytes
from loadgen.engine.limits import raise_open_files_limit
from loadgen.relay import BACKLOG, READ_BUFFER_BYTES, Member, Relay, Room, Write, text_frame

NS_PER_S = 10**9


class WatchedRelay(Relay):
    """Tells when the last of those who are awaited has joined."""

    def __init__(self, awaited_count: int) -> None:
        super().__init__(work_ns=0)
        self.room: Room = {}
        self.transports: dict[Member, WSTransport] = {}
        self._awaited_count = awaited_count
        self._first_ns: int | None = None

    def connected(self, member: Member, transport: WSTransport) -> None:
        """Keep what it takes to hang up."""
        self._first_ns = self._first_ns or monotonic_ns()
        self.transports[member] = transport

    def enter(self, room_name: bytes, member: Member, write: Write) -> Room:
        """All sides have one room each."""
        self.room = super().enter(room_name, member, write)
        if len(self.room) == self._awaited_count:
            tell("joined", first_ns=self._first_ns, last_ns=monotonic_ns())
        return self.room


class WatchedMember(Member):
    """One connection."""

    def __init__(self, relay: WatchedRelay) -> None:
        super().__init__(relay, b"member")
        self._watched = relay

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Let the relay know."""
        super().on_ws_connected(transport)
        self._watched.connected(self, transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Let the relay forget."""
        super().on_ws_disconnected(transport)
        self._watched.transports.pop(self, None)


def tell(event: str, **facts: Any) -> None:
    """One line, at once."""
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def frame_of(payload_bytes: int, *, is_warmup: bool) -> bytes:
    """What one message looks like to a reader."""
    times = "" if is_warmup else f"~at={monotonic_ns():019} sent={time_ns():019} "
    return text_frame(b"MSG room target " + times.ljust(payload_bytes, "x").encode())


async def publish(
    relay: WatchedRelay, port: int, *, rate_per_s: float, warmup_s: float, seconds: float, payload_bytes: int
) -> None:
    """Publish to everybody, warm-up and window, and tell of the window."""
    warmup_count, count = round(warmup_s * rate_per_s), round(seconds * rate_per_s)
    start_ns = monotonic_ns()
    delivery_count = 0
    for number in range(warmup_count + count):
        await until(start_ns + round(number * NS_PER_S / rate_per_s))
        if number == warmup_count:
            tell("window_begins", queued_bytes=backlog_bytes(relay, port))
        relay.broadcast(relay.room, frame_of(payload_bytes, is_warmup=number < warmup_count))
        if number >= warmup_count:
            delivery_count += len(relay.room)
    await until(start_ns + round((warmup_count + count) * NS_PER_S / rate_per_s))
    frame_bytes = len(frame_of(payload_bytes, is_warmup=False))
    tell("window_ends", deliveries=delivery_count, queued_bytes=backlog_bytes(relay, port), frame_bytes=frame_bytes)


async def until(due_ns: int) -> None:
    """Sleep until then; messages are stamped as they leave, so a late one is no harm."""
    while (left_ns := due_ns - monotonic_ns()) > 0:
        await asyncio.sleep(left_ns / NS_PER_S)


def backlog_bytes(relay: WatchedRelay, port: int) -> int:
    """What was written to clients, and has not been read by them."""
    unsent = sum(transport.underlying_transport.get_write_buffer_size() for transport in relay.transports.values())
    return unsent + queued_bytes(port)


async def serve(sockets: int) -> None:
    """Listen, say so, and do as told until stdin ends."""
    relay = WatchedRelay(sockets)

    def listener(_: WSUpgradeRequest) -> Member:
        return WatchedMember(relay)

    server = await ws_create_server(
        listener,
        "127.0.0.1",
        0,
        backlog=BACKLOG,
        read_buffer_init_size=READ_BUFFER_BYTES,
        # A storm of connections is a test here, not an attack.
        websocket_handshake_timeout=None,
    )
    port = server.sockets[0].getsockname()[1]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tell("ready", url=f"http://127.0.0.1:{port}", pid=os.getpid())
    publishing: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        order = json.loads(line)
        if "publish" in order:
            publishing.add(asyncio.create_task(publish(relay, port, **order["publish"])))
        if "close" in order:
            for transport in list(relay.transports.values()):
                transport.send_close(WSCloseCode.OK)
    server.close()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.target")
    parser.add_argument("--sockets", type=int, required=True, help="how many are awaited")
    sockets = parser.parse_args().sockets
    raise_open_files_limit()
    # Writing to a connection that was just lost is an ordinary event here.
    logging.getLogger("aiofastnet").setLevel(logging.ERROR)
    uvloop.run(serve(sockets))


if __name__ == "__main__":
    main()
