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
from loadgen.engine.talk import talk
from loadgen.engine.transport import Transport
from loadgen.engine.wire import Begin, Closed, Do, Done, Finish, Hear, Stop, Talk, Tell, Tick, Wire
from loadgen.measure.record import Phase
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Plan, TransportKind

# How soon other processes hear of our messages: long before any deadline, and seldom enough to cost nothing.
NEWS_PERIOD_NS = 50_000_000


class Worker:
    """Does what the coordinator says until it hangs up."""

    def __init__(self, wire: Wire, begin: Begin) -> None:
        self._wire = wire
        self._origin_ns = begin.origin_ns
        self._transports = transports_for(begin.plan)
        self._swarm = Swarm(begin.plan, begin.origin_ns, self._transports)

    async def obey(self) -> None:
        """Returns when the books are closed, or the coordinator is gone."""
        phase: asyncio.Task[None] | None = None
        while (command := await self._wire.receive()) is not None:
            match command:
                case Do() | Talk():
                    phase = asyncio.create_task(self._carry_out(command))
                    phase.add_done_callback(_crash_loudly)
                case Hear(news):
                    self._swarm.ledger.hear(news)
                case Stop(grace_ns):
                    if phase is not None and not phase.done():
                        phase.cancel()
                        await asyncio.wait({phase})
                    await sleep_until(now_ns() + grace_ns)
                    await self._done(0)
                case Finish():
                    self._swarm.ledger.close(now_ns())
                    await self._swarm.close()
                    tally, spreads = self._swarm.tally.take(), self._swarm.ledger.take_spreads()
                    await self._wire.send(Closed(tally, spreads, self._transports[0].handshake_headers))
                    return
                case _:
                    raise ValueError(f"no such command: {command}")

    async def _carry_out(self, command: Do | Talk) -> None:
        swarm = self._swarm
        match command:
            case Do(Phase.LOGIN):
                count = await swarm.login()
            case Do(Phase.CONNECT):
                count = await swarm.connect()
            case Do(Phase.JOIN):
                count = await swarm.join()
            case Talk(start_ns):
                await talk(swarm, start_ns)
                count = swarm.left_count
            case _:
                raise ValueError(f"no such phase: {command}")
        await self._done(count)

    async def _done(self, user_count: int) -> None:
        # All that the others must know is said before they hear that we are done, and what was counted so far is safe.
        await self._tell()
        await self._report()
        await self._wire.send(Done(user_count))

    async def report(self) -> None:
        """Say each second what was counted; goes on until it is cancelled."""
        second = (now_ns() - self._origin_ns) // NS_PER_S
        while True:
            second += 1
            await sleep_until(self._origin_ns + second * NS_PER_S)
            await self._report()

    async def _report(self) -> None:
        self._swarm.ledger.account_sends()  # who is killed in the next second has said what it sent
        await self._wire.send(Tick(self._swarm.tally.take(), self._swarm.ledger.take_spreads()))

    async def tell_news(self) -> None:
        """Say what the other processes must hear of; goes on until it is cancelled."""
        while True:
            await sleep_until(now_ns() + NEWS_PERIOD_NS)
            await self._tell()

    async def _tell(self) -> None:
        if news := self._swarm.ledger.take_news():
            await self._wire.send(Tell(news))


def transports_for(plan: Plan) -> list[Transport]:
    """A transport for each node of the server and each source address; users take them in turn."""
    transports: list[Transport] = []
    for address in plan.source_addresses or (None,):
        for base_url in plan.base_urls:
            if plan.transport is TransportKind.PICOWS:
                from loadgen.engine.transport.picows_transport import PicowsTransport

                transport: Transport = PicowsTransport(
                    base_url,
                    plan.headers,
                    verify_tls=plan.verify_tls,
                    timeout_s=ANSWER_TIMEOUT_S,
                    local_address=address,
                )
            else:
                from loadgen.engine.transport.websockets_transport import WebsocketsTransport

                transport = WebsocketsTransport(
                    base_url,
                    plan.headers,
                    verify_tls=plan.verify_tls,
                    timeout_s=ANSWER_TIMEOUT_S,
                    local_address=address,
                    compression=plan.compression,
                )
            transports.append(transport)
    return transports


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
    worker = Worker(wire, begin)
    tasks = [asyncio.create_task(each) for each in (worker.obey(), worker.report(), worker.tell_news())]
    futures: set[asyncio.Future[None]] = {*tasks, crash}
    done, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    for future in futures:
        future.cancel()
    for future in done:
        # The coordinator may be gone in the middle of a message; everything else is a bug.
        with contextlib.suppress(ConnectionError):
            future.result()
    return 0


def _crash_loudly(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        asyncio.get_running_loop().call_exception_handler({"message": "phase failed", "exception": error})


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
