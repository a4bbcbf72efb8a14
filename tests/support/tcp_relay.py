"""A wire between a client and a server that can be cut, mended, and held up in one direction."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
READ_BYTES = 64 * 1024


class TcpRelay:
    """Passes on whatever comes; made by `tcp_relay`."""

    def __init__(self, listener: socket.socket, target_url: str) -> None:
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._listener = listener
        self._target_url = target_url
        self._lock = threading.Lock()
        self._is_cut = False
        self._open: set[socket.socket] = set()
        # Set: what is sent that way goes through.
        self.to_server = threading.Event()
        self.to_client = threading.Event()
        self.mend()

    def cut(self) -> None:
        """Break every connection, and let no new one through; what was held up is lost."""
        with self._lock:
            self._is_cut = True
            _break(self._open)
        # Whoever holds something up finds its connection broken.
        self.to_server.set()
        self.to_client.set()

    def mend(self, target_url: str | None = None) -> None:
        """Let everything through, to another server if one is given."""
        with self._lock:
            self._target_url = target_url or self._target_url
            self._is_cut = False
        self.to_server.set()
        self.to_client.set()

    def accept(self) -> None:
        """Take connections until the listener is closed; for a thread."""
        threads = []
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                break
            threads.append(threading.Thread(target=self._connect, args=(client,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.socket() as server:
            with self._lock:
                if self._is_cut:
                    return
                self._open |= {client, server}
                host, _, port = self._target_url.removeprefix("http://").partition(":")
            back = threading.Thread(target=self._pass_on, args=(server, client, self.to_client))
            try:
                server.connect((host, int(port)))
                back.start()
                self._pass_on(client, server, self.to_server)
                back.join()
            except OSError:
                pass
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _pass_on(self, source: socket.socket, sink: socket.socket, gate: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(READ_BYTES):
                gate.wait()
                with self._lock:
                    if source not in self._open or self._is_cut:
                        break
                sink.sendall(chunk)
        _break({source, sink})


@contextmanager
def tcp_relay(target_url: str) -> Iterator[TcpRelay]:
    """Run a relay on a free port, for the length of the block."""
    with socket.create_server((HOST, 0)) as listener:
        relay = TcpRelay(listener, target_url)
        thread = threading.Thread(target=relay.accept)
        thread.start()
        try:
            yield relay
        finally:
            # Closing alone would not wake whoever waits in accept.
            listener.shutdown(socket.SHUT_RDWR)
            relay.cut()
            thread.join()


def _break(ends: set[socket.socket]) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
