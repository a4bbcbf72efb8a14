"""When two runs begin to talk at the same instant: each says when it is ready, over a socket, and is told when.

A line each way, a number of monotonic nanoseconds: from the run the earliest instant that suits it, to the run the one
that was agreed on. Who waits in vain begins by itself: a run is never held up by another that died.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import time
from collections.abc import Sequence

# A run that logs thousands in takes its time, and the other one waits for it.
PATIENCE_S = 90.0
_LINE_BYTES = 32


async def agreed_start(descriptor: int, earliest_ns: int) -> int:
    """When to begin, at ``earliest_ns`` or later; ``descriptor`` is the run's end of the socket, and is closed."""
    with socket.socket(fileno=descriptor) as ours:
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError, OSError, ValueError):
            await loop.sock_sendall(ours, b"%d\n" % earliest_ns)
            async with asyncio.timeout(PATIENCE_S):
                agreed_ns = int(await loop.sock_recv(ours, _LINE_BYTES))
            return max(agreed_ns, earliest_ns)
    return max(earliest_ns, time.monotonic_ns())


def agree(runs: Sequence[socket.socket], wait_s: float) -> bool:
    """Wait so long for all runs to be ready, or gone, and tell them when to begin; whether they have been told."""
    with selectors.DefaultSelector() as selector:
        for run in runs:
            selector.register(run, selectors.EVENT_READ)
        ready: dict[socket.socket, int | None] = {}
        give_up_s = time.monotonic() + wait_s
        while len(ready) < len(runs) and (left_s := give_up_s - time.monotonic()) > 0:
            answering = {key.fd for key, _ in selector.select(left_s)}
            for run in [each for each in runs if each.fileno() in answering]:
                # It stays unread, so that somebody who asks again finds it.
                said = run.recv(_LINE_BYTES, socket.MSG_PEEK)
                ready[run] = int(said) if said.endswith(b"\n") else None
                selector.unregister(run)
    if len(ready) < len(runs):
        return False
    agreed_ns = max((at_ns for at_ns in ready.values() if at_ns is not None), default=0)
    for run, at_ns in ready.items():
        if at_ns is not None:
            with contextlib.suppress(OSError):
                run.sendall(b"%d\n" % agreed_ns)
    return True
