"""Two servers of two workers each, their Redis and their PostgreSQL: killed, frozen, started again; gone at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.common import BenchmarkError
from benchmarks.kills.blows import INSTANCES, WORKERS, Blow, Deed
from tests.support.postgres_server import PostgresServer, postgres_server
from tests.support.redis_server import RedisServer, redis_server
from tests.support.silent_port import refusing_port

SECRET = "the same for all servers, of 32 bytes or more"
ACCOUNTS = 1_000
WORKERS_EACH = WORKERS // INSTANCES
# Between two lives of a server, as of one that something watches over.
AGAIN_AFTER_S = 0.5
READY_S = 60.0
END_S = 20.0


class Instance:
    """One server; whatever becomes of it, it is started again at the same port, unless it is to be away."""

    def __init__(self, name: str, flags: tuple[str, ...], log: Path) -> None:
        self.port = refusing_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.life_count = 0
        self._name = name
        self._flags = flags
        self._log = log
        self._process: Process | None = None
        self._may_live = asyncio.Event()
        self._may_live.set()
        self.ready = asyncio.Event()

    async def keep(self) -> None:
        """Have it serve until this is cancelled, and end it then."""
        try:
            while True:
                await self._may_live.wait()
                await self._live()
                await asyncio.sleep(AGAIN_AFTER_S)
        finally:
            self.kill()

    async def _live(self) -> None:
        with self._log.open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "target_app", "--port", str(self.port), "--instance", self._name,
                "--workers", str(WORKERS_EACH), "--accounts", str(ACCOUNTS), "--lift-limits", "--exit-with-stdin",
                *self._flags,
                stdin=PIPE, stdout=PIPE, stderr=log, start_new_session=True,
                env={**os.environ, "CHATBENCH_SECRET": SECRET},
            )  # fmt: skip
        self.life_count += 1
        assert process.stdout is not None
        line = await process.stdout.readline()
        if line and json.loads(line)["ready"]:
            self.ready.set()
        await process.wait()
        self.ready.clear()

    def family(self) -> list[psutil.Process]:
        """The process above, and its workers; nobody while it is away."""
        if self._process is None or self._process.returncode is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self._process.pid)
            return [first, *sorted(first.children(), key=lambda each: each.pid)]
        return []

    def kill(self) -> None:
        """End all of it without a word."""
        for each in self.family():
            with suppress(psutil.NoSuchProcess):
                each.kill()

    async def be_away(self, for_s: float, how: signal.Signals) -> None:
        """End it, and let it be started again so much later."""
        self._may_live.clear()
        try:
            if how is signal.SIGKILL:
                self.kill()
            elif self._process is not None and self._process.returncode is None:
                self._process.send_signal(how)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), END_S)
                self.kill()
            await asyncio.sleep(for_s)
        finally:
            self._may_live.set()


class Stage:
    """Everything that blows can fall on."""

    def __init__(self, instances: list[Instance], redis: RedisServer, postgres: PostgresServer) -> None:
        self.instances = instances
        self._redis = redis
        self._postgres = postgres
        self._busy: set[str] = set()

    async def suffer(self, blow: Blow) -> bool:
        """Do it, and undo it after its time; False, at once, where its victim lies down already."""
        place = f"{blow.victim % INSTANCES}" if "worker" in blow.deed or "server" in blow.deed else blow.deed.split()[0]
        if place in self._busy:
            return False
        self._busy.add(place)
        try:
            return await self._do(blow)
        finally:
            self._busy.discard(place)

    async def _do(self, blow: Blow) -> bool:
        instance = self.instances[blow.victim % INSTANCES]
        match blow.deed:
            case Deed.KILL_INSTANCE:
                await instance.be_away(blow.for_s, signal.SIGKILL)
            case Deed.END_INSTANCE:
                await instance.be_away(blow.for_s, signal.SIGTERM)
            case Deed.KILL_WORKER | Deed.FREEZE_WORKER:
                return await _hit_worker(instance, blow)
            case Deed.KILL_REDIS:
                await asyncio.to_thread(self._redis.kill)
                await _then(blow.for_s, self._redis.start)
            case Deed.FREEZE_REDIS:
                self._redis.freeze()
                await _then(blow.for_s, self._redis.thaw)
            case Deed.KILL_POSTGRES:
                await asyncio.to_thread(self._postgres.stop, signal.SIGKILL)
                await _then(blow.for_s, self._postgres.start)
            case Deed.FREEZE_POSTGRES:
                self._postgres.freeze()
                await _then(blow.for_s, self._postgres.thaw)
        return True


async def _then(after_s: float, do: Callable[[], None]) -> None:
    """Do it after that time, and where nobody waits any more, too."""
    try:
        await asyncio.sleep(after_s)
    finally:
        await asyncio.shield(asyncio.to_thread(do))


async def _hit_worker(instance: Instance, blow: Blow) -> bool:
    workers = instance.family()[1:]
    if len(workers) < WORKERS_EACH:
        return False
    worker = workers[blow.victim // INSTANCES % len(workers)]
    with suppress(psutil.NoSuchProcess):
        if blow.deed is Deed.KILL_WORKER:
            worker.kill()
            return True
        worker.suspend()
        try:
            await asyncio.sleep(blow.for_s)
        finally:
            with suppress(psutil.NoSuchProcess):
                worker.resume()
    return True


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Have it all serve until the block ends, and nothing left of it then. Raises BenchmarkError."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        postgres = stack.enter_context(postgres_server())
        flags = ("--broker", redis.url, "--db", postgres.url(postgres.new_database()))
        instances = [Instance(name, flags, folder / f"server_{name}.log") for name in ("a", "b")]
        keeping = [asyncio.create_task(instance.keep()) for instance in instances]
        try:
            try:
                for instance in instances:
                    await asyncio.wait_for(instance.ready.wait(), READY_S)
            except TimeoutError as error:
                raise BenchmarkError(f"the servers were not ready in {READY_S:.0f} s") from error
            yield Stage(instances, redis, postgres)
        finally:
            for each in keeping:
                each.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
