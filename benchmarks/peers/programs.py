"""The two programs of a run, the server and the client: started, listened to, and gone when the block is left."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, BenchmarkError, pinned_to
from benchmarks.peers.side import Side
from benchmarks.peers.watch import tree_of
from benchmarks.receive.sides import WARMUP_S, Load

START_S = 30
# Stopped by a signal, a client may say goodbye for so long.
GOODBYE_S = 10


class Target:
    """A running server: what it tells, and what it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with suppress(ValueError):  # closed while it was read
            for line in self.process.stdout:
                self._events.put(json.loads(line))

    def next_event(self, timeout_s: float) -> dict[str, Any] | None:
        """What has happened, or None."""
        try:
            return self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def order(self, **order: Any) -> None:
        """Say what to do."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def publish(self, load: Load) -> None:
        """Send what the load says, to everybody."""
        self.order(
            publish={
                "rate_per_s": load.rate_per_s,
                "warmup_s": WARMUP_S,
                "seconds": load.seconds,
                "payload_bytes": load.payload_bytes,
            }
        )


@contextmanager
def target_on(core: int | None, sockets: int) -> Iterator[tuple[Target, str]]:
    """The server and its URL, until the block ends; raises BenchmarkError."""
    command = [*pinned_to(core), sys.executable, "-m", "benchmarks.peers.target", "--sockets", str(sockets)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            target = Target(process)
            ready = target.next_event(START_S)
            if ready is None:
                raise BenchmarkError("the server did not start")
            yield target, ready["url"]
        finally:
            process.kill()


@dataclass(frozen=True, slots=True)
class Client:
    """A running client."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def printed(self) -> str:
        """On its standard output, so far."""
        return (self.folder / "stdout").read_text(encoding="utf-8", errors="replace")

    @property
    def last_words(self) -> str:
        """Of its standard error, or else its output."""
        for name in ("stderr", "stdout"):
            lines = (self.folder / name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            if lines:
                return " ".join(lines[-1].replace("|", "/").split())[:120]
        return "without a word"


@contextmanager
def client_on(core: int | None, side: Side, url: str, load: Load) -> Iterator[Client]:
    """A client, until the block ends; nothing that it has started outlives the block."""
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [*pinned_to(core), *side.command(url, load, folder)]
        environment = {**os.environ, "HOME": name, **side.environment}
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as error:
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=error, env=environment, cwd=REPOSITORY,
                    start_new_session=True,
                )  # fmt: skip
            except OSError as problem:
                raise BenchmarkError(f"{side.name}: {problem}") from problem
        try:
            yield Client(process, folder)
        finally:
            end(process)


def end(process: subprocess.Popen[bytes], patience_s: float = GOODBYE_S) -> None:
    """Stop a client with all that it has started, politely at first."""
    everyone = tree_of(process.pid)
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in everyone:
        with suppress(ProcessLookupError):
            if pid != process.pid:
                os.kill(pid, signal.SIGKILL)
    process.wait()
