"""What the way itself takes here: one small program sends its clock to another, over the loopback, and that is all.

No program is told of bytes sooner than this. It is what the kernel takes, and the waking up of a core that sleeps, and
now and then the milliseconds for which a virtual machine stands still.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys
import time

from loadgen.engine.clock import now_ns
from loadgen.plan.pacing import NS_PER_S, Gaps, schedule
from scenarios.calibration_runs import Place, TroubleError

RATE_PER_S = 1_000.0
_STAMP = struct.Struct("<q")
_SEED = 1
_PATIENCE_S = 10.0


async def way_ns(place: Place, duration_s: float) -> list[int]:
    """Of each stamp: the time between its sending, on the server's cores, and its reading, on the generator's; rising.

    TroubleError where the other program did not send.
    """
    return await asyncio.to_thread(_received, place, duration_s)


def _received(place: Place, duration_s: float) -> list[int]:
    times_ns = []
    if place.generator_cores is not None:
        os.sched_setaffinity(0, place.generator_cores)  # of this thread alone, which ends with its task
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_PATIENCE_S)
        sender = subprocess.Popen(
            [sys.executable, "-P", "-m", "scenarios.calibration_floor", *_arguments(listener, duration_s)],
            start_new_session=True,
        )
        try:
            if place.server_cores is not None:
                os.sched_setaffinity(sender.pid, place.server_cores)
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(_PATIENCE_S)
                while stamp := connection.recv(_STAMP.size, socket.MSG_WAITALL):
                    at_ns = now_ns()
                    times_ns.append(at_ns - _STAMP.unpack(stamp)[0])
        except (OSError, struct.error) as error:
            raise TroubleError(f"the way itself: {error}") from None
        finally:
            sender.kill()
            sender.wait()
    return sorted(times_ns)


def _arguments(listener: socket.socket, duration_s: float) -> tuple[str, str]:
    return str(listener.getsockname()[1]), f"{duration_s:g}"


def _send(port: int, duration_s: float) -> None:
    pace = schedule(Gaps.EXPONENTIAL, RATE_PER_S, _SEED)
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start_ns = now_ns()
        for n in range(round(RATE_PER_S * duration_s)):
            _sleep_until(start_ns + pace.due_ns(n))
            connection.sendall(_STAMP.pack(now_ns()))


def _sleep_until(at_ns: int) -> None:
    left_ns = at_ns - now_ns()
    if left_ns > 0:
        time.sleep(left_ns / NS_PER_S)


if __name__ == "__main__":
    _send(int(sys.argv[1]), float(sys.argv[2]))
