"""The server under test: the embedded one, started and ended by us, or one that is there already."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from loadgen.engine.dial import dialled, dialled_at_once
from loadgen.engine.hand import ending_of
from loadgen.errors import ServerError, TargetUnreachableError
from loadgen.plan.access import Access, without_passwords
from scenarios.kept_folder import kept_folder
from scenarios.pinning import confined_to

READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
REACH_TIMEOUT_S = 5.0
# A connection ends with its token: none may end in a run that goes on for days.
LONGER_THAN_ANY_RUN_S = 365 * 86_400
# What a server of the user's own may be told by the environment is not for ours: where that one keeps its messages.
PYTHON = ("env", "-u", "CHATBENCH_DB", "-u", "CHATBENCH_BROKER", sys.executable, "-P", "-m")
"""Before the name of a server's module. -P: a folder called target_app where the user happens to be is not imported."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the embedded server is to be like."""

    account_count: int
    cores: frozenset[int] | None = None
    """It keeps to these, where some are given."""
    token_lifetime_s: int | None = None
    """None: longer than any run."""
    restarts: bool = False
    """Whether it will be restarted: then tokens and messages outlive its process."""
    node_count: int = 1
    """How many processes of it are one chat (scenarios/own_nodes.py)."""


@dataclass(slots=True)
class OwnTarget:
    """The embedded server, accepting connections."""

    url: str
    process: asyncio.subprocess.Process
    _start: Callable[[int], Awaitable[asyncio.subprocess.Process]]
    _is_down: bool = False
    """Whether it has been ended, and is not started again yet."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it is."""
        return (self.url,)

    @property
    def pids(self) -> dict[str, int]:
        """Its process, by its name."""
        return {"server": self.process.pid}

    def died(self) -> str | None:
        """How it ended, where it did so before we ended it."""
        code = self.process.returncode
        return None if code is None or self._is_down else ending_of(code)

    async def restart(self, down_s: float, *, kill: bool) -> int:
        """End it, as ``kill`` says, and have it serve again ``down_s`` later, at the same address; its process id.

        TargetUnreachableError where it does not come back.
        """
        self._is_down = True
        if kill:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()
        down_until_s = asyncio.get_running_loop().time() + down_s
        await end(self.process)
        await asyncio.sleep(max(0.0, down_until_s - asyncio.get_running_loop().time()))
        self.process = await self._start(urlsplit(self.url).port or 0)
        self._is_down = False
        await ready_url(self.process)
        return self.process.pid


@contextlib.asynccontextmanager
async def embedded(wish: Wish, log: IO[bytes]) -> AsyncIterator[OwnTarget]:
    """Start the reference server on a free port, and end it afterwards; TargetUnreachableError where it does not start.

    It holds a pipe of ours, so it ends even if we are killed.
    """
    with contextlib.ExitStack() as stack:
        # What it keeps for its next life lies in a folder of ours.
        folder = stack.enter_context(kept_folder()) if wish.restarts else None
        flags = [] if folder is None else ["--db", f"sqlite:///{folder}/chat.db"]
        environment = os.environ | ({"CHATBENCH_SECRET": secrets.token_hex(32)} if wish.restarts else {})

        async def start(port: int) -> asyncio.subprocess.Process:
            with confined_to(wish.cores):
                return await asyncio.create_subprocess_exec(
                    *command_of_our_server(wish.account_count, port, **lifetime_flags(wish)),
                    *flags,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )

        process = await start(0)
        own: OwnTarget | None = None
        try:
            own = OwnTarget(await ready_url(process), process, start)
            yield own
        finally:
            await end(process if own is None else own.process)


def command_of_our_server(
    account_count: int, port: int = 0, *, token_lifetime_s: int = LONGER_THAN_ANY_RUN_S
) -> list[str]:
    """What starts it, on a free port by default; it ends when its standard input does."""
    of_its_users = ("--accounts", str(account_count), "--token-lifetime", str(token_lifetime_s))
    return [*PYTHON, "target_app", "--port", str(port), *of_its_users, "--exit-with-stdin", "--lift-limits"]


def lifetime_flags(wish: Wish) -> dict[str, int]:
    """What that is to be told of tokens."""
    return {} if wish.token_lifetime_s is None else {"token_lifetime_s": wish.token_lifetime_s}


async def ready_url(process: asyncio.subprocess.Process) -> str:
    """Where a server of ours is, once it says so; TargetUnreachableError where it does not."""
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


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, and kill it where it takes too long."""
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


async def check_reachable(base_url: str, access: Access) -> None:
    """TargetUnreachableError where nobody takes a connection at the target's address, or the way there is barred."""
    with _unreachable_told(base_url, access):
        async with asyncio.timeout(REACH_TIMEOUT_S):
            reached = await dialled(access, *_address_of(base_url))
        reached.close()


def check_reachable_at_once(base_url: str, access: Access) -> None:
    """The same for who has no event loop."""
    with _unreachable_told(base_url, access):
        dialled_at_once(access, *_address_of(base_url), REACH_TIMEOUT_S).close()


def _address_of(base_url: str) -> tuple[str, int]:
    parts = urlsplit(base_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@contextlib.contextmanager
def _unreachable_told(base_url: str, access: Access) -> Iterator[None]:
    """Turn what goes wrong with a connection to the target into a TargetUnreachableError of one line."""
    shown = without_passwords(base_url)
    if access.unix_socket is not None:
        shown += f" through {access.unix_socket}"
    try:
        yield
    except ServerError as error:  # of a proxy
        raise TargetUnreachableError(f"{shown}: {error}") from None
    except TimeoutError:
        raise TargetUnreachableError(
            f"{shown}: nobody answered within {REACH_TIMEOUT_S:g} s; is the server running?"
        ) from None
    except UnicodeError:
        host, _ = _address_of(base_url)
        raise TargetUnreachableError(f"{shown}: cannot connect: {host} is no name of a host") from None
    except OSError as error:
        raise TargetUnreachableError(
            f"{shown}: cannot connect: {error.strerror or error}; is the server running?"
        ) from None
