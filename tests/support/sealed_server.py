"""A sealed chat, as examples/python_dialect speaks it, in a thread of the test."""

from __future__ import annotations

import hmac
import secrets
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.support.patience import PATIENCE_S


class SealedChat:
    """Who is in which room, and which password is whose."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords
        self._rooms: dict[str, set[ServerConnection]] = {}
        self._lock = threading.Lock()

    def handle(self, connection: ServerConnection) -> None:
        """Hold one connection, from its beginning to its end."""
        with suppress(ConnectionClosed):
            name = self._let_in(connection)
            if name is not None:
                self._listen_to(connection, name)
        with self._lock:
            for room in self._rooms.values():
                room.discard(connection)

    def _let_in(self, connection: ServerConnection) -> str | None:
        nonce = secrets.token_hex(8)
        connection.send(f"NONCE {nonce}")
        _, name, proof = str(connection.recv()).split(" ")
        if proof != hmac.new(self._passwords.get(name, "").encode(), nonce.encode(), "sha256").hexdigest():
            connection.send("REFUSED that is no proof")
            return None
        connection.send("WELCOME")
        return name

    def _listen_to(self, connection: ServerConnection, name: str) -> None:
        sealed = 0
        for frame in connection:
            said, _, seal = str(frame).rpartition(" ")
            sealed = zlib.crc32(said.encode(), sealed)
            if seal != f"{sealed:08x}":
                connection.send("REFUSED the seal is broken")
                return
            match said.split(" ", 3):
                case ["JOIN", room]:
                    with self._lock:
                        self._rooms.setdefault(room, set()).add(connection)
                    connection.send(f"JOINED {room}")
                case ["SAY", room, message_id, text]:
                    connection.send(f"ACK {message_id}")
                    with self._lock:
                        listeners = [*self._rooms.get(room, ())]
                    for each in listeners:
                        with suppress(ConnectionClosed):
                            each.send(f"MSG {room} {name} {text}")


@contextmanager
def sealed_server(passwords: Mapping[str, str]) -> Iterator[str]:
    """Run such a chat; its address."""
    with serve(SealedChat(passwords).handle, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(PATIENCE_S)
