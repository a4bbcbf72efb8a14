"""A receiver that goes up to one layer and no further: ``python -m benchmarks.where.layers URL LAYER ...``.

Prints one JSON line. It connects, joins one room, publishes to it from one user after the other, and does with what it
receives no more than the layer says.
"""

import asyncio
import gc
import json
import resource
import sys
from enum import StrEnum

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from loadgen.dialects import Opening
from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.transport import Connection
from loadgen.engine.transport.picows_transport import READ_BUFFER_BYTES, PicowsTransport
from loadgen.plan.pacing import NS_PER_S

WARMUP_S = 1


class Layer(StrEnum):
    """How far a delivery goes."""

    PICOWS = "picows and uvloop, an empty callback"
    TRANSPORT = "our transport: when, what, how much; each socket by itself"
    TOGETHER = "our transport, sockets read together"


class Silence(WSListener):
    """Hears nothing of what comes."""

    def __init__(self) -> None:
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        pass

    def send(self, frame: bytes) -> None:
        assert self.transport is not None, "connected"
        self.transport.send(WSMsgType.TEXT, frame)


class Drop:
    """A listener of our transport that drops every message."""

    user = 0
    receive_path = None

    def __init__(self) -> None:
        self.connection: Connection | None = None

    def receive(self, _user: int, _payload: bytes, _now_ns: int) -> bool:
        return True

    def opened(self, connection: Connection, now_ns: int) -> None:
        self.connection = connection

    def heard(self, payload: bytes, now_ns: int) -> None:
        pass

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        pass

    def send(self, frame: bytes) -> None:
        assert self.connection is not None, "connected"
        self.connection.send(frame)


async def connected(url: str, layer: Layer, count: int) -> list[Silence] | list[Drop]:
    """So many, all in one room."""
    paths = [f"/relay?name=u{number}" for number in range(count)]
    if layer is Layer.PICOWS:
        silent = [Silence() for _ in paths]
        for each, path in zip(silent, paths, strict=True):
            address = "ws" + url.removeprefix("http") + path
            await ws_connect(lambda each=each: each, address, read_buffer_init_size=READ_BUFFER_BYTES)
        return silent
    transport = PicowsTransport(url, (), timeout_s=10, reads_together=layer is Layer.TOGETHER)
    dropping = [Drop() for _ in paths]
    for one, path in zip(dropping, paths, strict=True):
        await transport.connect(Opening(path), one)
    return dropping


async def cpu_us_per_delivery(url: str, layer: Layer, count: int, rate_per_s: int, seconds: int, size: int) -> float:
    """User and system time of the whole process in the measured window, for each delivery in it."""
    users = await connected(url, layer, count)
    for user in users:
        user.send(b"JOIN room")
    await asyncio.sleep(0.5)
    gc.collect()
    gc.freeze()
    start_ns = now_ns()
    began_s = 0.0
    for n in range((WARMUP_S + seconds) * rate_per_s):
        await sleep_until(start_ns + n * NS_PER_S // rate_per_s)
        if n == WARMUP_S * rate_per_s:
            began_s = _cpu_s()
        users[n % count].send(b"SAY - %08d " % n + b"x" * (size - 9))
    await asyncio.sleep(0.2)
    return (_cpu_s() - began_s) * 1e6 / (seconds * rate_per_s * count)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """URL LAYER SOCKETS RATE SECONDS BYTES; what is still open ends with the process."""
    url, layer, *numbers = sys.argv[1:]
    count, rate_per_s, seconds, size = map(int, numbers)
    us = uvloop.run(cpu_us_per_delivery(url, Layer[layer], count, rate_per_s, seconds, size))
    print(json.dumps({"cpu_us_per_delivery": us}))


if __name__ == "__main__":
    main()
