"""What stands before a server in production: something that speaks TLS, a unix socket, a proxy."""

import asyncio
import re
import ssl
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

HOST = "127.0.0.1"
READ_BYTES = 64 * 1024

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# How a request is written to a proxy that is not asked to connect (RFC 9112, 3.2.2).
_ABSOLUTE = re.compile(rb"\A([A-Z]+) http://[^/ ]+/")
_END_OF_HEAD = b"\r\n\r\n"


class _Front:
    """Passes on both ways what one client and the server say."""

    def __init__(
        self, reach: Callable[[_Streams], Awaitable[_Streams | None]], rewritten: Callable[[bytes], bytes]
    ) -> None:
        """``reach`` opens a connection to the server for a client, or tells it why there is none."""
        self._reach = reach
        self._rewritten = rewritten
        self._open: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Let `run` end; from any thread."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def run(self) -> None:
        """Stay until stopped, then cut whoever is connected."""
        await self._stopped.wait()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.gather(*self._connections)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        self._open.add(writer)
        try:
            # Who is cut off before it has said where it wants to go.
            with closing(writer), suppress(asyncio.IncompleteReadError):
                server = await self._reach((reader, writer))
                if server is not None:
                    await asyncio.gather(
                        self._pass_on(reader, server[1], self._rewritten), self._pass_on(server[0], writer, bytes)
                    )
        finally:
            self._open.discard(writer)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, rewritten: Callable[[bytes], bytes]
    ) -> None:
        self._open.add(sink)
        try:
            with closing(sink):
                while chunk := await source.read(READ_BYTES):
                    sink.write(rewritten(chunk))
                    await sink.drain()
        except OSError:
            pass
        finally:
            self._open.discard(sink)


@contextmanager
def _running(
    front_of: Callable[[], _Front], listen: Callable[[_Front], Awaitable[asyncio.Server]]
) -> Iterator[asyncio.Server]:
    """A front in a thread of its own, for the length of the block; what it listens with."""
    started: list[tuple[_Front, asyncio.Server]] = []
    is_ready = threading.Event()

    async def serve() -> None:
        front = front_of()
        server = await listen(front)
        started.append((front, server))
        is_ready.set()
        await front.run()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    is_ready.wait()
    front, server = started[0]
    try:
        yield server
    finally:
        front.stop()
        thread.join()


def _to(target_url: str) -> Callable[[_Streams], Awaitable[_Streams]]:
    parts = urlsplit(target_url)

    async def reach(_client: _Streams) -> _Streams:
        return await asyncio.open_connection(parts.hostname, parts.port)

    return reach


@contextmanager
def tls_front(target_url: str, context: ssl.SSLContext, path: str = "/") -> Iterator[str]:
    """Speaks TLS, and knows the server under a longer path, which ends with a slash; its address, with the path."""

    def rewritten(chunk: bytes) -> bytes:  # of requests, which are small and come in one piece
        return chunk.replace(f" {path}".encode(), b" /", 1)

    async def listen(front: _Front) -> asyncio.Server:
        return await asyncio.start_server(front.connect, HOST, 0, ssl=context)

    with _running(lambda: _Front(_to(target_url), rewritten), listen) as server:
        yield f"https://{HOST}:{server.sockets[0].getsockname()[1]}{path}"


@contextmanager
def unix_front(target_url: str, path: Path) -> Iterator[None]:
    """A unix socket through which the server is reached."""

    async def listen(front: _Front) -> asyncio.Server:
        return await asyncio.start_unix_server(front.connect, path)

    with _running(lambda: _Front(_to(target_url), bytes), listen):
        yield


class ConnectProxy:
    """An HTTP proxy that writes down what it is asked; made by `connect_proxy`."""

    def __init__(self, credentials: str | None) -> None:
        self.url = ""
        self.asked: list[str] = []
        """The method and the host of each connection, as "CONNECT 127.0.0.1:80"."""
        self._credentials = credentials

    async def reach(self, client: _Streams) -> _Streams | None:
        """What `_Front` calls."""
        head = await client[0].readuntil(_END_OF_HEAD)
        method, target, _ = head.decode().split(" ", 2)
        authority = target if method == "CONNECT" else urlsplit(target).netloc
        self.asked.append(f"{method} {authority}")
        if self._credentials is not None:
            basic = b64encode(self._credentials.encode()).decode()
            if f"Proxy-Authorization: Basic {basic}\r\n" not in head.decode():
                await _refuse(client, "407 Proxy Authentication Required")
                return None
        parts = urlsplit(f"//{authority}")
        try:
            server = await asyncio.open_connection(parts.hostname, parts.port or 80)
        except OSError:
            await _refuse(client, "502 Bad Gateway")
            return None
        if method == "CONNECT":
            # In pieces, as a busy proxy may.
            client[1].write(b"HTTP/1.1 200 Connection ")
            await client[1].drain()
            await asyncio.sleep(0)
            client[1].write(b"established\r\nVia: 1.1 test\r\n\r\n")
        else:
            server[1].write(_in_origin_form(head))
        return server


async def _refuse(client: _Streams, status: str) -> None:
    client[1].write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await client[1].drain()


def _in_origin_form(request: bytes) -> bytes:
    return _ABSOLUTE.sub(rb"\1 /", request)


@contextmanager
def connect_proxy(credentials: str | None = None) -> Iterator[ConnectProxy]:
    """An HTTP proxy on a free port, which wants ``credentials`` (name:password) where some are given."""
    proxy = ConnectProxy(credentials)

    async def listen(front: _Front) -> asyncio.Server:
        return await asyncio.start_server(front.connect, HOST, 0)

    with _running(lambda: _Front(proxy.reach, _in_origin_form), listen) as server:
        proxy.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        yield proxy
