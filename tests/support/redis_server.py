"""A Redis of our own: on a free port, in a temporary folder, with nothing kept on disk."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.mortal import mortal_folder
from tests.support.patience import PATIENCE_S
from tests.support.peers import needed
from tests.support.silent_port import refusing_port


class RedisServer:
    """Can be killed, frozen, and started again: empty, at the same port."""

    def __init__(self, folder: Path, also_at: str | None = None, password: str | None = None) -> None:
        """``also_at`` is an address beside 127.0.0.1 at which it listens; ``password`` is asked for."""
        self.port = refusing_port()
        named = "" if password is None else f":{password}@"
        self.url = f"redis://{named}127.0.0.1:{self.port}/0"
        self._folder = folder
        self._addresses = ["127.0.0.1", *([] if also_at is None else [also_at])]
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process, while there is one."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Be there, when this returns."""
        # Where the tests are killed it does not stay behind.
        command = [
            *(sys.executable, "-P", "-m", "loadgen.engine.parent", "redis-server"),
            *("--port", str(self.port), "--bind", *self._addresses, "--protected-mode", "no"),
            *("--save", "", "--appendonly", "no"),
            *(() if self._password is None else ("--requirepass", self._password)),
        ]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        give_up_s = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "redis.log").read_text()
            assert time.monotonic() < give_up_s, "Redis does not answer"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as to_it:
                to_it.sendall(b"PING\r\n")
                return to_it.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def kill(self) -> None:
        """End without a word; a second time does nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Take everything, and answer nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def redis_server(also_at: str | None = None, password: str | None = None) -> Iterator[RedisServer]:
    """Run Redis until the block ends; skip the test where it is not installed."""
    needed("redis-server", install="apt-get install redis-server")
    with mortal_folder() as folder:
        server = RedisServer(folder, also_at, password)
        server.start()
        try:
            yield server
        finally:
            server.kill()
