"""One process of load: a pipe to its coordinator, one event loop, one swarm. Run as ``-m loadgen.engine.worker FD``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from typing import Any

from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.limits import raise_open_files_limit
from loadgen.engine.swarm import ANSWER_TIMEOUT_S, Swarm
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.wire import Begin, Closed, Do, Done, Finish, Talk, Tick, Wire
from loadgen.measure.record import Phase
from loadgen.plan.pacing import NS_PER_S


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
    transport = PicowsTransport(plan.base_url, plan.headers, verify_tls=plan.verify_tls, timeout_s=ANSWER_TIMEOUT_S)
    swarm = Swarm(plan, begin.origin_ns, transport)
    obeying = asyncio.create_task(_obey(wire, swarm, transport))
    ticking = asyncio.create_task(_tick(wire, swarm, begin.origin_ns))
    futures: set[asyncio.Future[None]] = {obeying, ticking, crash}
    done, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    for future in futures:
        future.cancel()
    for future in done:
        # The coordinator may be gone in the middle of a message; everything else is a bug.
        with contextlib.suppress(ConnectionError):
            future.result()
    return 0


async def _obey(wire: Wire, swarm: Swarm, transport: PicowsTransport) -> None:
    phase: asyncio.Task[None] | None = None

    async def carry_out(command: Do | Talk) -> None:
        match command:
            case Do(Phase.LOGIN):
                count = await swarm.login()
            case Do(Phase.CONNECT):
                count = await swarm.connect()
            case Do(Phase.JOIN):
                count = await swarm.join()
            case Talk(start_ns):
                await swarm.talk(start_ns)
                count = swarm.open_count
            case _:
                raise ValueError(f"no such phase: {command}")
        await wire.send(Done(count))

    while (command := await wire.receive()) is not None:
        if isinstance(command, Finish):
            if phase is not None and not phase.done():
                phase.cancel()
                await asyncio.wait({phase})
            await sleep_until(now_ns() + command.grace_ns)
            swarm.finish()
            await swarm.close()
            await wire.send(Closed(swarm.tally.take(), transport.handshake_headers))
            return
        if isinstance(command, Do | Talk):
            phase = asyncio.create_task(carry_out(command))
            phase.add_done_callback(_crash_loudly)


def _crash_loudly(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        asyncio.get_running_loop().call_exception_handler({"message": "phase failed", "exception": error})


async def _tick(wire: Wire, swarm: Swarm, origin_ns: int) -> None:
    second = (now_ns() - origin_ns) // NS_PER_S
    while True:
        second += 1
        await sleep_until(origin_ns + second * NS_PER_S)
        await wire.send(Tick(swarm.tally.take()))


def main() -> int:
    """Entry point of the process."""
    # Ctrl-C belongs to the coordinator; we end when it hangs up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_open_files_limit()
    sock = socket.socket(fileno=int(sys.argv[1]))
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work(sock))
    return uvloop.run(work(sock))


if __name__ == "__main__":
    sys.exit(main())
