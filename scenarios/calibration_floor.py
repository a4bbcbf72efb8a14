"""What the way itself takes here: the deliveries of a calibration, told by a bare program to bare programs.

There are as many rooms and members, as many programs on the same cores, and as many messages a second as in the runs
that are compared; a stamp is written, read, and that is all. No program is told of these bytes sooner. It is what the
kernel takes, the waking up of a core that sleeps, the wait of those who are told last, and now and then the
milliseconds for which a virtual machine stands still.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadgen.engine.clock import now_ns
from loadgen.plan.pacing import NS_PER_S, Gaps, schedule
from scenarios.calibration_runs import Place, TroubleError, end
from scenarios.pinning import confined_to

# About what a frame of the runs has.
FRAME_BYTES = 256
Sockets = list[socket.socket]

_PROGRAM = (sys.executable, "-P", "-m", "scenarios.calibration_floor")
_STAMP = struct.Struct("<q")
_PADDING = bytes(FRAME_BYTES - _STAMP.size)
_SEED = 1
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who is told: users are spread evenly over rooms and programs, and everybody of a room is told in a row."""

    users: int
    rooms: int
    rate_per_s: float
    """Messages; each goes to one room, in turn."""


async def way_ns(place: Place, crowd: Crowd, processes: int, duration_s: float) -> list[int]:
    """What each delivery took from its sending, on the server's cores, to its reading, on the generator's; rising.

    TroubleError where one of the programs did not do its part.
    """
    cores = ",".join(map(str, sorted(place.generator_cores or ())))
    arguments = (crowd.users, crowd.rooms, crowd.rate_per_s, processes, duration_s, cores)
    with confined_to(place.server_cores):
        teller = await asyncio.create_subprocess_exec(
            *(*_PROGRAM, "tell", *map(str, arguments)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(duration_s + 3 * _PATIENCE_S):
            said, complained = await teller.communicate()
    except TimeoutError:
        raise TroubleError("the way itself: it was not told in time") from None
    finally:
        # The readers end when nobody is there to tell them.
        await end(teller, signal.SIGTERM)
    if teller.returncode:
        last_words = complained.decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
        raise TroubleError(f"the way itself: {last_words[0]}")
    times_ns = array("q")
    times_ns.frombytes(said)
    return sorted(times_ns)


def _told(crowd: Crowd, processes: int, duration_s: float, cores: frozenset[int] | None) -> bytes:
    """The times of all deliveries, as the readers say them."""
    with contextlib.ExitStack() as stack:
        counts = [len(range(index, crowd.users, processes)) for index in range(processes)]
        readers = [stack.enter_context(_reader(count, cores)) for count in counts]
        _tell(
            [[each for _, sockets in readers for each in sockets[room :: crowd.rooms]] for room in range(crowd.rooms)],
            crowd.rate_per_s,
            duration_s,
        )
        for _, sockets in readers:
            for each in sockets:
                each.close()
        return b"".join(_last_words(program) for program, _ in readers)


@contextlib.contextmanager
def _reader(socket_count: int, cores: frozenset[int] | None) -> Iterator[tuple[subprocess.Popen[bytes], Sockets]]:
    """A program that reads from so many sockets, and our ends of them."""
    with socket.create_server(("127.0.0.1", 0), backlog=socket_count) as listener, contextlib.ExitStack() as stack:
        listener.settimeout(_PATIENCE_S)
        command = (*_PROGRAM, "read", str(listener.getsockname()[1]), str(socket_count))
        with confined_to(cores):
            program = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
        stack.callback(program.kill)
        ours = [stack.enter_context(listener.accept()[0]) for _ in range(socket_count)]
        for each in ours:
            each.settimeout(_PATIENCE_S)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield program, ours


def _last_words(program: subprocess.Popen[bytes]) -> bytes:
    said, _ = program.communicate(timeout=_PATIENCE_S)
    if program.returncode:
        raise OSError("a reader failed")
    return said


def _tell(rooms: Sequence[Sockets], rate_per_s: float, duration_s: float) -> None:
    pace = schedule(Gaps.EXPONENTIAL, rate_per_s, _SEED)
    start_ns = now_ns()
    for n in range(round(rate_per_s * duration_s)):
        _sleep_until(start_ns + pace.due_ns(n))
        for member in rooms[n % len(rooms)]:
            member.sendall(_STAMP.pack(now_ns()) + _PADDING)


def _sleep_until(at_ns: int) -> None:
    left_ns = at_ns - now_ns()
    if left_ns > 0:
        time.sleep(left_ns / NS_PER_S)


def _read(port: int, socket_count: int) -> bytes:
    """The times of all frames, as 64-bit integers; read until the other side hangs up."""
    times_ns = array("q")
    with selectors.DefaultSelector() as selector:
        for _ in range(socket_count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, connection)
        while selector.get_map():
            for key, _ in selector.select():
                frames = key.data.recv(256 * FRAME_BYTES)
                at_ns = now_ns()
                if not frames:
                    selector.unregister(key.data)
                    key.data.close()
                # A frame is sent at once, and read before the next one is due: none is torn.
                times_ns.extend(at_ns - _STAMP.unpack_from(frames, at)[0] for at in range(0, len(frames), FRAME_BYTES))
    return times_ns.tobytes()


def main(job: str, *arguments: str) -> None:
    """Be ``tell USERS ROOMS RATE PROCESSES DURATION CORES``, or ``read PORT SOCKETS``; both write the times."""
    if job == "read":
        times_ns = _read(*map(int, arguments))
    else:
        users, rooms, rate_per_s, processes, duration_s, cores = arguments
        times_ns = _told(
            Crowd(int(users), int(rooms), float(rate_per_s)),
            int(processes),
            float(duration_s),
            frozenset(map(int, cores.split(","))) if cores else None,
        )
    sys.stdout.buffer.write(times_ns)


if __name__ == "__main__":
    main(*sys.argv[1:])
