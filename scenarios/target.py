"""The server under test: the embedded one, started and ended by us, or one that is there already."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from loadgen.engine.hand import ending_of
from loadgen.errors import TargetUnreachableError
from scenarios.pinning import confined_to

READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
REACH_TIMEOUT_S = 5.0


@dataclass(slots=True)
class OwnTarget:
    """The embedded server, accepting connections."""

    url: str
    process: asyncio.subprocess.Process

    def died(self) -> str | None:
        """How it ended, where it did so before we ended it."""
        code = self.process.returncode
        return None if code is None else ending_of(code)


@contextlib.asynccontextmanager
async def embedded(account_count: int, log: IO[bytes], cores: frozenset[int] | None) -> AsyncIterator[OwnTarget]:
    """Start the reference server on a free port, and end it afterwards; TargetUnreachableError where it does not start.

    It keeps to ``cores``, where some are given.

    It holds a pipe of ours, so it ends even if we are killed.
    """
    with confined_to(cores):
        process = await _start(account_count, log)
    try:
        yield OwnTarget(await _ready_url(process), process)
    finally:
        await _end(process)


def command_of_our_server(account_count: int) -> list[str]:
    """What starts it on a free port; it ends when its standard input does."""
    # -P: a folder called target_app where the user happens to be must not be imported
    python = [sys.executable, "-P", "-m", "target_app"]
    return [*python, "--port", "0", "--accounts", str(account_count), "--exit-with-stdin", "--lift-limits"]


async def _start(account_count: int, log: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command_of_our_server(account_count),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        start_new_session=True,
    )


async def _ready_url(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None, "started with a pipe"
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            line = await process.stdout.readline()
    except TimeoutError:
        raise TargetUnreachableError(f"the embedded server was not ready after {READY_TIMEOUT_S:g} s") from None
    return url_in(line, "run.log in the run directory")


def url_in(ready_line: bytes, log: str) -> str:
    """Where a server of ours is, by the line that it prints when it is ready; TargetUnreachableError where it is none.

    ``log`` is where to read why.
    """
    try:
        return str(json.loads(ready_line)["url"])
    except (ValueError, KeyError):
        raise TargetUnreachableError(f"the embedded server did not start; see {log}") from None


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def check_reachable(base_url: str) -> None:
    """TargetUnreachableError where nobody takes a TCP connection at the target's address."""
    host, port = address_of(base_url)
    with unreachable_told(base_url):
        async with asyncio.timeout(REACH_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def address_of(base_url: str) -> tuple[str | None, int]:
    """Host and port of a target's address."""
    parts = urlsplit(base_url)
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


@contextlib.contextmanager
def unreachable_told(base_url: str) -> Iterator[None]:
    """Turn what goes wrong with a connection to the target into a TargetUnreachableError of one line."""
    try:
        yield
    except TimeoutError:
        raise TargetUnreachableError(
            f"{base_url}: nobody answered within {REACH_TIMEOUT_S:g} s; is the server running?"
        ) from None
    except UnicodeError:
        host, _ = address_of(base_url)
        raise TargetUnreachableError(f"{base_url}: cannot connect: {host} is no name of a host") from None
    except OSError as error:
        raise TargetUnreachableError(
            f"{base_url}: cannot connect: {error.strerror or error}; is the server running?"
        ) from None
