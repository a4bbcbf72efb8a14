"""Locust on this engine as its users start it: one command or several, watched, interrupted and looked through."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.benches import CHATBENCH, Bench, books_close, document_in, environment, eventually
from tests.support.mortal import started
from tests.support.patience import PATIENCE_S
from tests.support.silent_port import refusing_port

LOCUST = (CHATBENCH, "locust")
# The same without our command, for a locustfile of one's own.
BARE_LOCUST = (sys.executable, "-P", "-m", "locust")
# Nothing is timed by how fast somebody draws.
UNDRAWN = {"CHATBENCH_HTML": "false", "CHATBENCH_PLOTS": "false"}
# Locust prints its table every 2 s; this row is in it as soon as the window is open.
MEASURING = "WS       delivery"
# Far more than any two machines on one network differ by, or any test lasts.
AHEAD_S = 1000
ELSEWHEN = ("unshare", "--time", "--monotonic", str(AHEAD_S))
"""Before a command: its monotonic clock is ahead of ours."""


def two_workers() -> tuple[str, ...]:
    """The flags for two that one command forks; at a port of their own: Locust's would be that of other tests, too."""
    port = str(refusing_port())
    return ("--processes", "2", "--master-bind-port", port, "--master-port", port)


@dataclass(slots=True)
class LocustProcess:
    """A Locust that goes on, or has ended."""

    process: subprocess.Popen[bytes]
    directory: Path
    """Where its run is written down."""
    trace: str
    """What all its processes have in their environment; hand it to others who belong to it."""
    output: Path

    @property
    def said(self) -> str:
        """All it has said so far, on either stream."""
        return self.output.read_text(encoding="utf-8")

    @property
    def document(self) -> dict[str, Any]:
        """The result document it has left."""
        return document_in(self.directory)

    def wait_for(self, words: str) -> None:
        """Wait until it has said them."""
        eventually(lambda: self._goes_on() and words in self.said, f"{words!r} of {self.process.args!r}")

    def listening_port(self) -> int:
        """Where it listens: of a master for its workers, of one with a web UI for browsers. Waits until it does."""
        itself = psutil.Process(self.process.pid)
        ports: list[int] = []

        def look() -> bool:
            assert self._goes_on()
            listening = [each for each in itself.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
            ports[:] = [each.laddr.port for each in listening]
            return bool(ports)

        eventually(look, "a port that it listens on")
        return ports[0]

    def web_url(self) -> str:
        """Where its web UI is."""
        return f"http://127.0.0.1:{self.listening_port()}"

    def processes(self) -> list[psutil.Process]:
        """All that belongs to it and still goes on, itself included."""
        return Bench(self.process, self.directory, self.trace).processes()  # type: ignore[arg-type]  # reads no stream

    def interrupt(self) -> None:
        """Ctrl-C: it goes to the command and to what it has forked."""
        os.killpg(self.process.pid, signal.SIGINT)

    def finish(self, within_s: float = 3 * PATIENCE_S) -> int:
        """Wait for its end; the exit code."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it did not end, and said: {self.said}") from None

    def ends_with(self, code: int, *, within_s: float = 3 * PATIENCE_S) -> dict[str, Any]:
        """Wait for its end with this exit code; the document.

        Its books close, and neither it nor who belongs to it has left a process or a traceback.
        """
        ended = self.finish(within_s)
        assert ended == code, f"{ended}: {self.said}"
        assert "Traceback" not in self.said, self.said
        # Its workers are told to end, and not waited for.
        eventually(lambda: not self.processes(), "the end of all its processes")
        assert books_close(self.document)
        return self.document

    def _goes_on(self) -> bool:
        assert self.process.poll() is None, f"it ended, and said: {self.said}"
        return True


@contextmanager
def locust(
    *arguments: str, cwd: Path, program: tuple[str, ...] = LOCUST, trace: str | None = None, **variables: str
) -> Iterator[LocustProcess]:
    """Start it in ``cwd``, its run directory ``cwd/run``; it does not outlive the block, nor does what it started.

    Where the test is killed in the block, it is asked to end.
    ``program`` may start it in another way; ``trace`` is that of whom it belongs to, who ends what it leaves behind.
    """
    is_leader = trace is None
    trace = trace or uuid.uuid4().hex
    output = cwd / f"said-{uuid.uuid4().hex}"
    kept = {name: value for name, value in environment(trace).items() if not name.startswith("LOCUST_")}
    with output.open("wb") as stream, _interruptible():
        process = started(
            [*program, *arguments],
            cwd=cwd,
            env=kept | UNDRAWN | variables,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    running = LocustProcess(process, cwd / "run", trace, output)
    try:
        yield running
    finally:
        process.kill()
        for left in running.processes() if is_leader else ():
            left.kill()
        process.wait(PATIENCE_S)


@contextmanager
def _interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so does whatever it starts; Locust would, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def can_be_elsewhen() -> bool:
    """Whether a program can be given another monotonic clock here: it takes Linux 5.6 and the right to do so."""
    if shutil.which(ELSEWHEN[0]) is None:
        return False
    asked = [*ELSEWHEN, sys.executable, "-c", "import time; print(time.monotonic())"]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE_S)
    return told.returncode == 0 and float(told.stdout) > time.monotonic() + AHEAD_S / 2
