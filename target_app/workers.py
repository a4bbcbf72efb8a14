"""Several processes on one port: started, watched, started again where one dies, ended together.

Each listens on the port by itself (SO_REUSEPORT), so the kernel deals connections out among them. They are nodes of one
chat, like servers on different machines; but here it is known when one is dead, and its rooms are free at once.
"""

import asyncio
import contextlib
import logging
import secrets
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from target_app.server import at_end_of_stdin, ready_line, reserve, that_ask_to_end
from target_app.settings import BROKER_VARIABLE, DB_VARIABLE, Settings

# Between two lives of a worker that dies at once, as while the database is away.
AGAIN_AFTER_S = 1.0
# More than a worker takes to end in good order.
END_S = 15.0

# Flags that may hold a password; workers have the same by their environment, where no list of processes shows it.
_WITH_PASSWORDS = frozenset({"--db", "--broker"})

log = logging.getLogger("target_app")


@dataclass(slots=True)
class _Worker:
    """One of the processes; another one takes its place when it dies."""

    number: int
    node: str
    process: Process


def serve_by_workers(settings: Settings, flags: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until told to stop; the exit code. Raises CannotListenError."""
    return asyncio.run(_Crew(settings, flags, environment).serve())


def without_passwords(flags: Sequence[str]) -> list[str]:
    """Return the flags without those that may hold one, be it `--db URL` or `--db=URL`."""
    kept = []
    words = iter(flags)
    for word in words:
        if word in _WITH_PASSWORDS:
            next(words)
        elif word.partition("=")[0] not in _WITH_PASSWORDS:
            kept.append(word)
    return kept


class _Crew:
    """The workers of one server."""

    def __init__(self, settings: Settings, flags: Sequence[str], environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._flags = without_passwords(flags)
        assert settings.database_url is not None, "workers have a database in common"
        assert settings.broker_url is not None, "and a broker"
        self._environment = {
            **environment,
            # One secret for all, where it was made for this life as well.
            "CHATBENCH_SECRET": settings.secret,
            DB_VARIABLE: settings.database_url,
            BROKER_VARIABLE: settings.broker_url,
        }
        self._stop = asyncio.Event()
        self._processes: set[Process] = set()

    async def serve(self) -> int:
        self._listen_for_the_end()
        # Held to the end without listening: the port stays ours while a worker is between two lives.
        with reserve(self._settings.host, self._settings.port) as reserved:
            port = reserved.getsockname()[1]
            numbers = range(1, self._settings.worker_count + 1)
            try:
                workers = [await self._started(number, port, instead_of=None) for number in numbers]
                codes = await asyncio.gather(*map(self._code_before_ready, workers))
                failed = next((code for code in codes if code is not None), None)
                if failed is not None:
                    return failed
                sys.stdout.write(ready_line(reserved) + "\n")
                sys.stdout.flush()
                keeping = [asyncio.create_task(self._keep(worker, port)) for worker in workers]
                await self._stop.wait()
                for each in keeping:
                    each.cancel()
                await asyncio.wait(keeping)
            finally:
                await self._end_all()
        return 0

    async def _keep(self, worker: _Worker, port: int) -> None:
        """Have a worker under this number, whatever becomes of each."""
        while True:
            code = await worker.process.wait()
            self._processes.discard(worker.process)
            log.error("worker %d ended with %d, and is started again", worker.number, code)
            worker = await self._started(worker.number, port, instead_of=worker.node)
            while await self._code_before_ready(worker) is not None:
                await asyncio.sleep(AGAIN_AFTER_S)
                worker = await self._started(worker.number, port, instead_of=worker.node)
            log.warning("worker %d serves again", worker.number)

    async def _started(self, number: int, port: int, instead_of: str | None) -> _Worker:
        node = f"{self._settings.instance}-{number}-{secrets.token_hex(4)}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "target_app", *self._flags,
            # Of a flag that is given twice, the last one counts.
            "--port", str(port), "--shares-port", "--workers", "1", "--exit-with-stdin",
            "--instance", f"{self._settings.instance}-{number}", "--node", node,
            *(() if instead_of is None else ("--instead-of", instead_of)),
            # It ends with us, even if we are killed; Ctrl-C is for us alone.
            stdin=PIPE, stdout=PIPE, env=self._environment, start_new_session=True,
        )  # fmt: skip
        self._processes.add(process)
        return _Worker(number, node, process)

    async def _code_before_ready(self, worker: _Worker) -> int | None:
        """Wait until a worker serves; where it ends before, how."""
        assert worker.process.stdout is not None
        if await worker.process.stdout.readline():
            return None
        self._processes.discard(worker.process)
        return await worker.process.wait()

    async def _end_all(self) -> None:
        living = {process for process in self._processes if process.returncode is None}
        for process in living:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        if not living:
            return
        _, late = await asyncio.wait([asyncio.create_task(process.wait()) for process in living], timeout=END_S)
        if late:
            self._kill_all()
            await asyncio.wait(late)

    def _kill_all(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def _listen_for_the_end(self) -> None:
        loop, has_hung_up = asyncio.get_running_loop(), False

        def stop(number: int) -> None:
            nonlocal has_hung_up
            if self._stop.is_set() and not (has_hung_up and number == signal.SIGHUP):
                self._kill_all()
            # Of a terminal that closes both the kernel and the shell tell: that is no second wish.
            has_hung_up = has_hung_up or number == signal.SIGHUP
            self._stop.set()

        for number in that_ask_to_end():
            loop.add_signal_handler(number, stop, number)
        if self._settings.exit_with_stdin:
            end = lambda: loop.call_soon_threadsafe(self._stop.set)  # noqa: E731 - one line, used once
            threading.Thread(target=at_end_of_stdin, args=(end,), daemon=True).start()
