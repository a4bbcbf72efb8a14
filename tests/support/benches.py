"""The `chatbench` command as a user starts it: run to its end, or watched, interrupted and looked through."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from websockets.sync.client import connect

from tests.support.patience import PATIENCE_S

CHATBENCH = str(Path(sys.executable).with_name("chatbench"))
RELAY_DIALECT = str(Path(__file__).with_name("relay.toml"))
FAST_SERVER = [sys.executable, "-m", "tests.support.fast_server", "--port", "0", "--exit-with-stdin"]

# Every process of a run inherits it, so those that are left behind can be found.
_TRACE = "TRACE_OF_A_TEST"
# The longest run of these tests, and what comes before and after it.
_WHOLE_RUN_S = 3 * PATIENCE_S
# How often something is looked at that does not call. A look at 120 processes takes 4 ms of CPU that others need.
_LOOK_S = 0.05


# Ten users, twenty messages a second, for much longer than any test would wait.
FEW = ("smoke", "--users", "10", "--rooms", "1", "--warmup", "0s")
LONG = (*FEW, "--duration", "10m")

WORKER = "loadgen.engine.worker"

# What a run doubts when the machine had no time for the generator. Of a window of some milliseconds, one tick of the
# kernel's clock is a busy core.
GENERATOR_DOUBTS = {"generator_late", "generator_cpu_bound", "loop_lag", "schedule_unmet"}

# However much goes wrong, nobody wants to read more.
_LONGEST_LOG_BYTES = 100_000


def at(url: str, dialect: str) -> tuple[str, ...]:
    """The flags for a server that is there already."""
    return ("--target", url, "--dialect", dialect)


def overhear(url: str, count: int) -> None:
    """Sit in the first room of a run on the relay at ``url``, and leave when ``count`` of its messages have come."""
    with connect(url.replace("http", "ws", 1) + "/relay?name=listener", proxy=None, compression=None) as listener:
        listener.send("JOIN room-1")
        for _ in range(1 + count):
            listener.recv(timeout=PATIENCE_S)


def environment(trace: str = "", **variables: str) -> dict[str, str]:
    """Ours without what would change a run, with what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CHATBENCH_") or name.startswith("CHATBENCH_ARGON2_")
    }
    # Whatever this machine was calibrated to, it is not found there.
    return {**kept, "NO_COLOR": "1", "COLUMNS": "200", "XDG_STATE_HOME": os.devnull, _TRACE: trace, **variables}


def chatbench(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [CHATBENCH, *arguments],
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_WHOLE_RUN_S,
        check=False,
    )


def document_in(directory: Path) -> dict[str, Any]:
    """The result document of a run directory."""
    document: dict[str, Any] = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    return document


def books_close(document: dict[str, Any]) -> bool:
    """Whether every message and every delivery is accounted for (docs/measuring.md)."""
    counts = document["counters"]
    settled = counts["deliveries_received"] + counts["deliveries_lost"] + counts["deliveries_excused"]
    return bool(
        counts["messages_due"] == counts["messages_sent"] + counts["messages_unsent"]
        and counts["deliveries_expected"] == settled
    )


def doubts_of(document: dict[str, Any]) -> dict[str, str]:
    """Code -> severity of every doubt."""
    return {doubt["code"]: doubt["severity"] for doubt in document["doubts"]}


def errors_of(document: dict[str, Any]) -> dict[tuple[str, str], int]:
    """(kind, phase) -> how often."""
    return {(error["kind"], error["phase"]): error["count"] for error in document["errors"]}


def fatal_doubts_of(document: dict[str, Any]) -> set[str]:
    """The codes of the doubts that make it invalid."""
    return {code for code, severity in doubts_of(document).items() if severity == "fatal"}


def unless_starved(
    attempt: Callable[[], tuple[int, dict[str, Any]]], *, only_counts: bool = False
) -> tuple[int, dict[str, Any]]:
    """Exit code and document of a run, tried again where this machine had no time for the generator.

    Such a run is rightly invalid, and says nothing about what a test is after. Three in a row are no accident. For a
    test of counts alone, ``only_counts``, a run without a gap will do: late as it may have been, everything was there.
    """
    for _ in range(2):
        code, document = attempt()
        if not fatal_doubts_of(document) & GENERATOR_DOUBTS or (only_counts and not _has_gaps(document)):
            return code, document
    return attempt()


def _has_gaps(document: dict[str, Any]) -> bool:
    """Whether messages were not sent, or deliveries did not come, that should have."""
    return document["counters"]["deliveries_lost"] > 0 or "schedule_unmet" in doubts_of(document)


def code_of(document: dict[str, Any], otherwise: int) -> int:
    """The exit code to expect: 97 where this machine had no time for the generator, ``otherwise`` where it had."""
    return 97 if fatal_doubts_of(document) & GENERATOR_DOUBTS else otherwise


def eventually(condition: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> None:
    """Look until the condition holds."""
    give_up_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > give_up_s:
            raise TimeoutError(f"{what}: not within {within_s:g} s")
        time.sleep(_LOOK_S)


@dataclass(slots=True)
class Bench:
    """A run that goes on."""

    process: subprocess.Popen[str]
    directory: Path
    trace: str
    _lines: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)
    said: list[str] = field(default_factory=list)
    _has_said_all: bool = False

    def wait_for(self, words: str) -> None:
        """Read what it says until a line holds ``words``."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not self.said or words not in self.said[-1]:
            line = self._lines.get(timeout=max(0.0, give_up_s - time.monotonic()))
            if line is None:
                self._has_said_all = True
                raise EOFError(f"it ended without {words!r}, and said: {''.join(self.said)}")
            self.said.append(line)

    def processes(self) -> list[psutil.Process]:
        """All that belongs to the run and still goes on, itself included."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(_TRACE) == self.trace and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue  # gone meanwhile, or not ours to look at
        return found

    def part(self, module: str) -> psutil.Process:
        """The process of the run that was started as ``-m module``; waits until there is one."""
        return self.parts(module, 1)[0]

    def parts(self, module: str, count: int) -> list[psutil.Process]:
        """As many processes of the run that were started as ``-m module``, the oldest first."""
        found: list[psutil.Process] = []

        def look() -> bool:
            assert self.process.poll() is None, f"it ended, and said: {self.all_said()}"
            found[:] = sorted((each for each in self.processes() if _runs(each, module)), key=_age)
            return len(found) == count

        eventually(look, f"{count} processes of {module}")
        return found

    def send(self, number: signal.Signals) -> None:
        """Signal the command itself, and none of the processes it has started."""
        self.process.send_signal(number)

    def finish(self, within_s: float = _WHOLE_RUN_S) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(within_s)

    def ends_with(self, *codes: int, within_s: float = _WHOLE_RUN_S) -> dict[str, Any]:
        """Wait for its end, one of ``codes``; the document.

        It has left no process, its books close, and what it said is short and no traceback.
        """
        code = self.finish(within_s)
        assert code in codes, f"{code}: {self.all_said()}"
        assert self.processes() == []
        assert books_close(self.document)
        log = self.log
        for text in (log, self.all_said()):
            assert "Traceback" not in text
            assert len(text) < _LONGEST_LOG_BYTES
        return self.document

    def all_said(self) -> str:
        """All that it has said, when it has ended."""
        self.process.wait(PATIENCE_S)
        while not self._has_said_all:
            line = self._lines.get(timeout=PATIENCE_S)
            if line is None:
                self._has_said_all = True
            else:
                self.said.append(line)
        return "".join(self.said)

    @property
    def log(self) -> str:
        """What its parts have said."""
        return (self.directory / "run.log").read_text(encoding="utf-8")

    @property
    def document(self) -> dict[str, Any]:
        """The result document it has left."""
        return document_in(self.directory)


def _age(process: psutil.Process) -> tuple[float, int]:
    return process.create_time(), process.pid


def _runs(process: psutil.Process, module: str) -> bool:
    try:
        return module in process.cmdline()
    except psutil.Error:
        return False


@contextmanager
def bench(
    *arguments: str, cwd: Path, program: tuple[str, ...] = (CHATBENCH,), pictures: bool = False
) -> Iterator[Bench]:
    """Start ``chatbench run`` into ``cwd/run``; it does not outlive the block.

    ``program`` may start it in another way, such as through taskset.
    """
    trace = uuid.uuid4().hex
    bare = () if pictures else ("--no-plots", "--no-html")
    command = [*program, "run", *arguments, *bare, "--out", "run"]
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(trace),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = Bench(process, cwd / "run", trace)
        assert process.stderr is not None
        reader = threading.Thread(target=_read_lines, args=(process.stderr, running._lines))
        reader.start()
        try:
            yield running
        finally:
            for left in running.processes():
                left.kill()
            reader.join(PATIENCE_S)


def _read_lines(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)
