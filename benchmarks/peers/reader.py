"""A plain reader on the library websockets: ``python -m benchmarks.peers.reader URL SOCKETS``.

A task for each socket, ``async for``, no JSON: joins, and times what it reads. Its last line is JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from array import array
from collections.abc import AsyncIterator
from contextlib import suppress
from time import time_ns
from typing import cast

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from loadgen.engine.limits import raise_open_files_limit

# So many handshakes at a time: more would wait in line all the same.
CONNECTING_AT_ONCE = 200

# 20 us wide, up to 4 s: as cheap as a list of all samples, and does not grow.
BUCKET_NS = 20_000
BUCKET_COUNT = 200_000

NS_PER_MS = 10**6


async def read(url: str, connecting: asyncio.Semaphore, buckets: array[int]) -> None:
    """One socket, until the server hangs up."""
    async with connecting:
        socket = await connect(url, compression=None, ping_interval=None, open_timeout=None, proxy=None)
        await socket.send("JOIN room")
    with suppress(ConnectionClosed):
        async for text in cast("AsyncIterator[str]", socket):
            at = text.find("sent=")
            if at >= 0:
                took_ns = time_ns() - int(text[at + 5 : at + 24])
                buckets[min(took_ns // BUCKET_NS, BUCKET_COUNT - 1)] += 1


async def read_all(url: str, sockets: int) -> None:
    """All sockets; then say what was seen."""
    connecting, buckets = asyncio.Semaphore(CONNECTING_AT_ONCE), array("l", bytes(8 * BUCKET_COUNT))
    async with asyncio.TaskGroup() as tasks:
        for number in range(sockets):
            tasks.create_task(read(f"{url}/relay?name=user{number}", connecting, buckets))
    count = sum(buckets)
    print(json.dumps({"count": count, "p50_ms": quantile_ms(buckets, 0.5), "p99_ms": quantile_ms(buckets, 0.99)}))


def quantile_ms(buckets: array[int], share: float) -> float | None:
    """The upper end of the bucket that holds a quantile; None where there are no samples."""
    seen, wanted = 0, share * sum(buckets)
    for number, count in enumerate(buckets):
        seen += count
        if count and seen >= wanted:
            return (number + 1) * BUCKET_NS / NS_PER_MS
    return None


if __name__ == "__main__":
    raise_open_files_limit()
    asyncio.run(read_all(sys.argv[1], int(sys.argv[2])))
