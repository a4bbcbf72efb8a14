"""A PostgreSQL of our own: on a free port, in a temporary folder, killed and frozen as a test likes.

It listens on 127.0.0.1 and on a socket in its folder, and asks for a password on both. For tests it does not wait for
the disk, which none of them can take away.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.mortal import mortal_folder, started
from tests.support.patience import PATIENCE_S
from tests.support.peers import needed
from tests.support.silent_port import refusing_port

USER, PASSWORD = "chatbench", "let me/in?"
# As it stands in a URL.
QUOTED_PASSWORD = "let%20me%2Fin%3F"
# It refuses to run as root.
SERVANT = "nobody"


class PostgresServer:
    """One that runs from the start of its block to the end, but for what a test does to it."""

    def __init__(self, programs: Path, folder: Path, prefix: Sequence[str] = (), *, durable: bool = False) -> None:
        self.port = refusing_port()
        self.folder = folder
        self._programs = programs
        self._prefix = prefix
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"chat_{number}" for number in itertools.count(1))

    def url(self, database: str, password: str = QUOTED_PASSWORD) -> str:
        """Where a database is, for `--db`."""
        return f"postgresql+asyncpg://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty one; its name."""
        name = next(self._names)
        self._run("createdb", *self._where(), name)
        return name

    def query(self, database: str, statement: str) -> str:
        """Whatever psql says to a statement: a line a row, columns apart by ``|``."""
        return self._run("psql", *self._where(), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, database).strip()

    def texts(self, database: str) -> dict[tuple[str, int], str]:
        """Return what a server of ours keeps there, by room and number; texts of one line."""
        lines = self.query(database, "SELECT room, seq, text FROM messages").splitlines()
        rows = (line.split("|") for line in lines)
        return {(room, int(seq)): text for room, seq, text in rows}

    def dump(self, database: str) -> str:
        """All that is in a database, as pg_dump writes it down."""
        said = self._run("pg_dump", *self._where(), database)
        # A key of its own in each dump keeps a restore from being hijacked.
        return "".join(line for line in said.splitlines(True) if "restrict" not in line)

    def make(self) -> None:
        """Make its folder of data, before it is started for the first time."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            "initdb", "--auth=scram-sha-256", f"--username={USER}", f"--pwfile={secret}",
            "--encoding=UTF8", "--no-locale", "--no-sync", f"--pgdata={self._data}",
        )  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it answers."""
        server = [
            *(f"{self._programs}/postgres", "-D", f"{self._data}", "-k", f"{self.folder}"),
            *("-p", f"{self.port}", "-c", "listen_addresses=127.0.0.1"),
            *("-c", "fsync=on" if self._durable else "fsync=off"),
        ]
        with (self.folder / "log").open("ab") as log:
            # In order, so that it leaves no shared memory behind; its own processes end with it.
            self._process = process = started(
                [*self._prefix, *server],
                signal.SIGINT,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_as_servant(),
            )
        give_up_s = time.monotonic() + PATIENCE_S
        ready = [f"{self._programs}/pg_isready", "-q", *self._where()]
        while subprocess.run(ready, check=False).returncode != 0:
            if process.poll() is not None or time.monotonic() > give_up_s:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT in order, SIGQUIT at once, SIGKILL without a word; wait until nothing of it is left."""
        if self._process is None:
            return
        family = self._family()
        self._process.send_signal(how)
        # A frozen one hears nothing but SIGKILL.
        self._process.send_signal(signal.SIGCONT)
        _, left = psutil.wait_procs(family, PATIENCE_S)
        for each in left:
            each.kill()
        self._process.wait(PATIENCE_S)
        self._process = None

    def freeze(self) -> None:
        """Have it do nothing, its connections included, until `thaw`."""
        for each in self._family():
            each.suspend()

    def thaw(self) -> None:
        """Have it go on."""
        for each in self._family():
            each.resume()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _where(self) -> Sequence[str]:
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None, "start() first"
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._programs / program, *arguments],
            env={**os.environ, "PGPASSWORD": PASSWORD, "LC_ALL": "C.UTF-8"},
            capture_output=True, text=True, timeout=PATIENCE_S, check=False, **_as_servant(),
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")
        return str(done.stdout)


def installed() -> Path | None:
    """Where its programs are; the newest of several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run one until the block ends; skips the test, or fails it, where PostgreSQL is not installed."""
    programs = installed()
    needed(files=[(programs or Path("/usr/lib/postgresql/*/bin")) / "postgres"], install="apt-get install postgresql")
    assert programs is not None
    with mortal_folder() as folder, running(PostgresServer(programs, folder)) as server:
        yield server


@contextmanager
def running(server: PostgresServer) -> Iterator[PostgresServer]:
    """Make its data in its empty folder, and run it until the block ends."""
    if os.getuid() == 0:
        shutil.chown(server.folder, SERVANT)
    server.make()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _as_servant() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    return {"user": SERVANT, "group": "nogroup", "extra_groups": [], "cwd": "/"}
