"""Several nodes of the reference server that are one chat: with a Redis and a database of their own, all of it ours.

Everything lies in a temporary folder that nobody else can look into, Redis' socket, too, and all of it is gone when the
run is over. The nodes hold a pipe of ours, so they end even if we are killed; Redis, which reads none, is killed then,
and whoever keeps the folder removes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import secrets
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from loadgen.engine.hand import ending_of
from loadgen.errors import TargetUnreachableError
from scenarios.kept_folder import kept_folder
from scenarios.pinning import confined_to
from scenarios.target import READY_TIMEOUT_S, Wish, command_of_our_server, end, lifetime_flags, ready_url

_LOOK_EVERY_S = 0.02
# unix(7): 108 with the zero at its end
_MOST_OF_A_SOCKETS_PATH = 107


@dataclass(slots=True)
class OwnNodes:
    """The nodes, accepting connections."""

    urls: tuple[str, ...]
    processes: Mapping[str, Process]
    """The nodes, in the order of their addresses, and Redis: each by its name."""

    @property
    def pids(self) -> dict[str, int]:
        """Their processes, by name."""
        return {name: process.pid for name, process in self.processes.items()}

    def died(self) -> str | None:
        """How the first of them ended, where one did so before we ended it."""
        ended = ((name, process.returncode) for name, process in self.processes.items())
        return next((f"{name}: {ending_of(code)}" for name, code in ended if code is not None), None)


def what_is_missing() -> str | None:
    """What has to be installed before there can be nodes, and how; None where nothing has."""
    if shutil.which("redis-server") is None:
        return "redis-server is not installed (apt-get install redis-server)"
    if importlib.util.find_spec("redis") is None:
        return "the Python package redis is not installed (pip install 'chatbench[redis]')"
    return None


@contextlib.asynccontextmanager
async def own_nodes(wish: Wish, log: IO[bytes]) -> AsyncIterator[OwnNodes]:
    """Start them, and end them afterwards; TargetUnreachableError where one of them does not start."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(kept_folder())
        with confined_to(wish.cores):
            redis, broker = await _redis(folder, log, stack)
            environment = os.environ | {"CHATBENCH_SECRET": secrets.token_hex(32)}
            nodes = {}
            for number in range(1, wish.node_count + 1):
                nodes[f"node-{number}"] = await asyncio.create_subprocess_exec(
                    *command_of_our_server(wish.account_count, **lifetime_flags(wish)),
                    *("--broker", broker, "--db", f"sqlite:///{folder}/chat.db", "--instance", f"node-{number}"),
                    stdin=PIPE, stdout=PIPE, stderr=log, env=environment, start_new_session=True,
                )  # fmt: skip
                stack.push_async_callback(end, nodes[f"node-{number}"])
        urls = [await ready_url(node) for node in nodes.values()]
        yield OwnNodes(tuple(urls), nodes | {"Redis": redis})


async def _redis(folder: Path, log: IO[bytes], stack: contextlib.AsyncExitStack) -> tuple[Process, str]:
    """A Redis that keeps nothing on disk, and how it is reached."""
    socket = folder / "bus"
    if len(os.fsencode(socket)) > _MOST_OF_A_SOCKETS_PATH:
        raise TargetUnreachableError(f"{folder} has too long a path for a socket in it: set TMPDIR to a shorter one")
    options = {"port": "0", "unixsocket": str(socket), "save": "", "appendonly": "no", "loglevel": "warning"}
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    redis = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "loadgen.engine.parent", "redis-server"), *flags,
        stdin=DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True,
    )  # fmt: skip
    stack.push_async_callback(end, redis)
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while redis.returncode is None and not await _answers(socket):
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise TargetUnreachableError(f"redis-server was not ready after {READY_TIMEOUT_S:g} s") from None
    if redis.returncode is not None:
        raise TargetUnreachableError(
            f"redis-server did not start ({ending_of(redis.returncode)}); see run.log in the run directory"
        )
    return redis, f"unix://{socket}"


async def _answers(socket: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return (await reader.read(5)) == b"+PONG"
    except OSError:
        return False
    finally:
        writer.close()
