"""Open pages without a browser: ``python -m benchmarks.live.onlookers HOST PORT COUNT listen|ask``.

They take what they are sent until their standard input ends, then print how many answers and bytes that were.
"""

from __future__ import annotations

import asyncio
import json
import sys

EVENT_END = b"\n\n"


async def main(host: str, port: int, count: int, way: str) -> None:
    """Open them all, say so, and close them when nobody wants them any more."""
    taken = {"answers": 0, "bytes": 0}
    one = listen if way == "listen" else ask
    pages = [asyncio.create_task(one(host, port, taken)) for _ in range(count)]
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for page in pages:
        page.cancel()
    await asyncio.gather(*pages, return_exceptions=True)
    print(json.dumps(taken), flush=True)


async def listen(host: str, port: int, taken: dict[str, int]) -> None:
    """As a page does where there is a stream."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        while chunk := await reader.read(1 << 20):
            taken["answers"] += chunk.count(EVENT_END)
            taken["bytes"] += len(chunk)
    finally:
        writer.close()


async def ask(host: str, port: int, taken: dict[str, int]) -> None:
    """As a page does where no stream gets through."""
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 22)
    try:
        while True:
            writer.write(b"GET /whole HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            await reader.readexactly(length)
            taken["answers"] += 1
            taken["bytes"] += len(head) + length
            await asyncio.sleep(1)
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
