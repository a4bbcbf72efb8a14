"""``python -m benchmarks.engine.instant_login``: a server that takes every login at once, and has nothing else.

So that logins are limited by who asks. It prints one line when it listens, and ends with its stdin.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import uvloop

BODY = b'{"access_token":"t"}'
LET_IN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
NOTHING_ELSE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Login(asyncio.Protocol):
    """One connection. Whoever asks sends a short request in one piece, and waits for the answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop has its own
        """Somebody is there."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A login is let in; anything else is told to go away."""
        if data.startswith(b"POST "):
            self._transport.write(LET_IN)
        elif data.startswith(b"GET "):
            self._transport.write(NOTHING_ELSE)
            self._transport.close()


async def serve() -> None:
    """Until stdin ends."""
    server = await asyncio.get_running_loop().create_server(Login, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    print(json.dumps({"ready": True, "url": f"http://{host}:{port}", "pid": os.getpid()}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve())
