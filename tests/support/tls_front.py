"""What stands before a server in production: it speaks TLS, and knows the server under a longer path."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

HOST = "127.0.0.1"
READ_BYTES = 64 * 1024


class _Front:
    def __init__(self, target_url: str, path: str) -> None:
        host, _, port = target_url.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._path = f" {path}".encode()
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
        """Pass on both ways what one client and the server say."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        target_reader, target_writer = await asyncio.open_connection(*self._target)
        await asyncio.gather(self._pass_on(reader, target_writer, self._path), self._pass_on(target_reader, writer))

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, path: bytes = b"") -> None:
        self._open.add(sink)
        try:
            with closing(sink):
                while chunk := await source.read(READ_BYTES):
                    # Of requests, which are small and come in one piece.
                    sink.write(chunk.replace(path, b" /", 1) if path else chunk)
                    await sink.drain()
        except OSError:
            pass
        finally:
            self._open.discard(sink)


@contextmanager
def tls_front(target_url: str, context: ssl.SSLContext, path: str) -> Iterator[str]:
    """Run one on a free port, for the length of the block; its address, with the path, which ends with a slash."""
    fronts: list[tuple[_Front, str]] = []
    is_ready = threading.Event()

    async def serve() -> None:
        front = _Front(target_url, path)
        server = await asyncio.start_server(front.connect, HOST, 0, ssl=context)
        fronts.append((front, f"https://{HOST}:{server.sockets[0].getsockname()[1]}{path}"))
        is_ready.set()
        await front.run()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    is_ready.wait()
    front, url = fronts[0]
    try:
        yield url
    finally:
        front.stop()
        thread.join()
