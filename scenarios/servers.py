"""A server that a command starts: awaited until it is ready, and ended with all that it started.

The command is a line for the shell. Where it holds ``{port}``, that becomes a free port, and the server is ready when
it takes connections there; else when it prints a line with an address of this machine, as uvicorn and ``chatbench
serve`` do.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loadgen.engine.hand import ending_of
from loadgen.errors import TargetUnreachableError
from scenarios.pinning import confined_to

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
# Often enough for a start of a second, and nothing beside what the start itself takes.
_LOOK_EVERY_S = 0.02
_CONNECT_TIMEOUT_S = 1.0

# What is quoted of a server that failed: enough for the end of a traceback.
LAST_LINES = 5
_LONGEST_LINE = 200

_ADDRESS = re.compile(
    r"(?:https?|wss?)://(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])(?::\d+)?(?:/[^\s\"'<>,;()\[\]\x1b]*)?"
)
# A server that listens everywhere is reached here.
_EVERYWHERE = {"//0.0.0.0": "//127.0.0.1", "//[::]": "//[::1]"}


# In a command without these the server can take the place of the shell, and be ended without waiting for an init that
# reaps what the shell leaves behind (up to 2 s in containers).
_NOT_SIMPLE = re.compile(r"[;&|<>()`\n]|^\s*\w+=|^\s*(?:exec|exit|if|for|while|until|case)\b")


class ServerFailedError(TargetUnreachableError):
    """A command started no server that we could use; the text says how it ended, and quotes its last lines."""


def is_address(text: str) -> bool:
    """Whether this is the address of a server, and not a command that starts one."""
    return text.startswith(("http://", "https://", "ws://", "wss://"))


@dataclass(slots=True)
class CommandServer:
    """A server that takes connections."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    """What it prints."""

    def died(self) -> str | None:
        """How it ended, where it did so before we ended it."""
        code = self.process.poll()
        return None if code is None else ending_of(code)


@contextlib.contextmanager
def serving(
    command: str, log: Path, *, cores: frozenset[int] | None = None, ready_s: float = READY_TIMEOUT_S
) -> Iterator[CommandServer]:
    """Start ``command``, which keeps to ``cores`` if any, and end it afterwards; what it prints is added to ``log``.

    ServerFailedError where it is not ready within ``ready_s``. Its standard input is a pipe of ours, so that it can
    notice when we are gone.
    """
    port = _free_port() if "{port}" in command else None
    line = command if port is None else command.replace("{port}", str(port))
    with log.open("ab") as file:
        begins_at = file.tell()
        with confined_to(cores):
            process = subprocess.Popen(
                ["/bin/sh", "-c", line if _NOT_SIMPLE.search(line) else f"exec {line}"],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    try:
        url = _awaited(process, log, begins_at, port, ready_s)
        yield CommandServer(url, process, log)
    finally:
        _end(process)


def last_lines(log: Path, begins_at: int = 0) -> str:
    """The end of what a server has printed, in one line; empty where it said nothing."""
    lines = [line.strip()[:_LONGEST_LINE] for line in _printed(log, begins_at).splitlines() if line.strip()]
    return " | ".join(lines[-LAST_LINES:])


def _awaited(process: subprocess.Popen[bytes], log: Path, begins_at: int, port: int | None, ready_s: float) -> str:
    """Where the server is, once it takes connections."""
    give_up_s = time.monotonic() + ready_s
    url = None if port is None else f"http://127.0.0.1:{port}"
    while time.monotonic() < give_up_s:
        code = process.poll()
        if code is not None:
            raise _failed(f"ended ({ending_of(code)}) before it was ready", log, begins_at)
        if url is None:
            url = _address_in(_printed(log, begins_at))
        if url is not None and _takes_connections(url):
            return url
        time.sleep(_LOOK_EVERY_S)
    if url is None:
        raise _failed(f"printed no line with its address within {ready_s:g} s", log, begins_at)
    raise _failed(f"took no connections at {url} within {ready_s:g} s", log, begins_at)


def _failed(how: str, log: Path, begins_at: int) -> ServerFailedError:
    said = last_lines(log, begins_at)
    return ServerFailedError(f"the server {how}; " + (f"it last said: {said}" if said else "it said nothing"))


def _printed(log: Path, begins_at: int) -> str:
    with log.open("rb") as file:
        file.seek(begins_at)
        return file.read().decode(errors="replace")


def _address_in(text: str) -> str | None:
    """The first address of this machine in whole lines of ``text``, without a slash at its end."""
    found = _ADDRESS.search(text[: text.rfind("\n") + 1])
    if found is None:
        return None
    address = found[0]
    for everywhere, here in _EVERYWHERE.items():
        address = address.replace(everywhere, here)
    return address.rstrip("/")


def _takes_connections(url: str) -> bool:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    with contextlib.suppress(OSError), socket.create_connection((parts.hostname, port), _CONNECT_TIMEOUT_S):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and kill what is left of its group; nothing of it stays."""
    assert process.stdin is not None, "started with a pipe"
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(OSError):
        process.stdin.close()
    give_up_s = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < give_up_s:
        process.poll()  # a shell goes at once, and what it has started takes its time
        if not _signal_group(process, 0):
            break
        time.sleep(_LOOK_EVERY_S)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Whether there was anybody to signal."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
