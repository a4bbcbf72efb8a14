"""One process of load: a pipe to its coordinator, one event loop, one swarm. Run as ``-m loadgen.engine.worker FD``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from typing import Any

from loadgen.engine.duty import Duty, PlannedDuty
from loadgen.engine.limits import raise_open_files_limit
from loadgen.engine.memory import OUT_OF_MEMORY, is_want_of_memory
from loadgen.engine.on_call import OnCallDuty
from loadgen.engine.parent import die_with_parent
from loadgen.engine.traces import hide_in_tracebacks
from loadgen.engine.wire import Begin, Wire


async def work(sock: socket.socket) -> int:
    """Do what the coordinator says until it hangs up; the exit code."""
    crash: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_exception(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # A bug of ours in a callback must not be a line in a log while the figures look fine.
        error = context.get("exception")
        if not crash.done() and isinstance(error, Exception):
            crash.set_exception(error)

    asyncio.get_running_loop().set_exception_handler(on_exception)
    wire = await Wire.over(sock)
    begin = await wire.receive()
    if not isinstance(begin, Begin):
        return 0
    plan = begin.plan
    hide_in_tracebacks(lambda: plan.secrets)
    duty: Duty = OnCallDuty(wire, begin) if plan.on_call else PlannedDuty(wire, begin)
    jobs = [duty.obey(), duty.report(), duty.tell_news()]
    if plan.dialect.alive.every_ns is not None:
        jobs.append(duty.keep_alive())
    tasks = [asyncio.create_task(job) for job in jobs]
    futures: set[asyncio.Future[None]] = {*tasks, crash}
    done, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    for future in futures:
        future.cancel()
    for future in done:
        # The coordinator may be gone in the middle of a message; everything else is a bug.
        with contextlib.suppress(ConnectionError):
            future.result()
    return 0


def main() -> int:
    """Entry point of the process."""
    # Ctrl-C belongs to the coordinator; we end when it hangs up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    raise_open_files_limit()
    sock = socket.socket(fileno=int(sys.argv[1]))
    try:
        return _run(sock)
    except Exception as error:
        if not is_want_of_memory(error):
            raise
        # At once: whatever would be tidied up may want memory, too. Whoever reaps us knows what the code means.
        os.write(sys.stderr.fileno(), b"a process of load was refused memory, and ends\n")
        os._exit(OUT_OF_MEMORY)


def _run(sock: socket.socket) -> int:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work(sock))
    return uvloop.run(work(sock))


if __name__ == "__main__":
    sys.exit(main())
