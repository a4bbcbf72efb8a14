"""The server under test: the embedded one, started and ended by us, or one that is there already."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
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


async def _start(account_count: int, log: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # a folder called target_app where the user happens to be must not be imported
        *("-m", "target_app", "--port", "0", "--accounts", str(account_count), "--exit-with-stdin", "--lift-limits"),
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
        return str(json.loads(line)["url"])
    except TimeoutError:
        raise TargetUnreachableError(f"the embedded server was not ready after {READY_TIMEOUT_S:g} s") from None
    except (ValueError, KeyError):
        raise TargetUnreachableError("the embedded server did not start; see run.log in the run directory") from None


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
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(REACH_TIMEOUT_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except TimeoutError:
        raise TargetUnreachableError(
            f"{base_url}: nobody answered within {REACH_TIMEOUT_S:g} s; is the server running?"
        ) from None
    except UnicodeError:
        raise TargetUnreachableError(f"{base_url}: cannot connect: {parts.hostname} is no name of a host") from None
    except OSError as error:
        raise TargetUnreachableError(
            f"{base_url}: cannot connect: {error.strerror or error}; is the server running?"
        ) from None
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
