"""The one clock of a run, and an alarm on it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

from loadgen.plan.pacing import NS_PER_S

now_ns = time.monotonic_ns
"""Linux's CLOCK_MONOTONIC: one clock for all processes of a host."""


async def sleep_until(at_ns: int) -> None:
    """Sleep until an instant of the clock, never waking before it, and up to a millisecond after it."""
    while (left_ns := at_ns - now_ns()) > 0:
        # Rounded up: the event loop's timers have milliseconds, and waking early would mean to spin.
        await asyncio.sleep(-(-left_ns // 1_000_000) / 1000)


Ring = Callable[[], int | None]
"""What is to be done at an instant; when next, or None where the sleeper is to look itself."""


class Alarm(Protocol):
    """Wakes its one owner at an instant of the clock, never before it."""

    on_ring: Ring | None
    """Called at the end of a sleep, and may prolong it. To wake a task takes 10 us more, and two turns of the loop."""

    async def until(self, at_ns: int) -> None:
        """Sleep until ``at_ns``, or until it is woken; return at once where that is past."""
        ...

    def wake(self) -> None:
        """End the present sleep, if there is one."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


def new_alarm() -> Alarm:
    """The best alarm there is here; needs a running event loop."""
    return _TimerFd() if sys.platform == "linux" else _LoopTimer()


class _LoopTimer:
    def __init__(self) -> None:
        self.on_ring: Ring | None = None  # its sleeper looks itself, always
        self._woken = asyncio.Event()

    async def until(self, at_ns: int) -> None:
        self._woken.clear()
        sleeping, woken = (asyncio.ensure_future(each) for each in (sleep_until(at_ns), self._woken.wait()))
        try:
            await asyncio.wait((sleeping, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            woken.cancel()

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        pass


class _TimerFd:
    """Linux's timerfd, watched by the event loop.

    At 40,000 deliveries/s it sends 0.10 ms after the due time (median; p90 0.4 ms), where the loop's own timers,
    spinning for the last part of a millisecond, are at 0.28 and 0.83 ms for the same CPU.
    """

    _CLOCK_MONOTONIC = 1
    _ABSOLUTE = 1

    def __init__(self) -> None:
        self.on_ring: Ring | None = None
        # os.timerfd_create exists from Python 3.13 on only.
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        # struct itimerspec: no interval, then the instant. Made once, since with 10,000 messages a second it is set as
        # often.
        self._spec = (ctypes.c_long * 4)()
        self._spec_at = ctypes.byref(self._spec)
        self._fd = libc.timerfd_create(self._CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._ring)
        self._rung: asyncio.Future[None] | None = None
        self._woken = False

    async def until(self, at_ns: int) -> None:
        self._woken = False
        while now_ns() < at_ns and not self._woken:
            self._set(at_ns)
            self._rung = self._loop.create_future()
            await self._rung

    def _set(self, at_ns: int) -> None:
        self._spec[2], self._spec[3] = divmod(at_ns, NS_PER_S)
        if self._settime(self._fd, self._ABSOLUTE, self._spec_at, None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def wake(self) -> None:
        self._woken = True
        if self._rung is not None and not self._rung.done():
            self._rung.set_result(None)

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # it was set anew in the meantime
        if self._rung is None or self._rung.done():
            return
        next_ns = None if self.on_ring is None else self.on_ring()
        if next_ns is not None:
            self._set(next_ns)
        elif not self._rung.done():  # whoever was told may have woken the sleeper
            self._rung.set_result(None)
