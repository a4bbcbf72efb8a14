"""An alarm that rings on the event loop, more exactly than the loop's own timers."""

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable

_NS_PER_S = 1_000_000_000
_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1


class Alarm:
    """Linux's timerfd, watched by the event loop, whose own timers know whole milliseconds only."""

    def __init__(self) -> None:
        # os.timerfd_create exists from Python 3.13 on only.
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        # struct itimerspec: no interval, then the instant; made once, as an alarm is set up to once a delivery.
        self._spec = (ctypes.c_long * 4)(0, 0, 0, 0)
        self._spec_at = ctypes.byref(self._spec)

    def start(self, ring: Callable[[], None]) -> None:
        """Call ``ring`` at each instant that was set; needs a running event loop."""
        asyncio.get_running_loop().add_reader(self._fd, self._awake, ring)

    def set(self, at_ns: int) -> None:
        """Ring at this instant of the monotonic clock, at once where it is past, and not at the one set before."""
        self._spec[2], self._spec[3] = divmod(at_ns, _NS_PER_S)
        if self._settime(self._fd, _ABSOLUTE, self._spec_at, None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def stop(self) -> None:
        """Never ring again, and give the descriptor back."""
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def _awake(self, ring: Callable[[], None]) -> None:
        # Nothing to read where it was set anew since the loop saw it ring.
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
        ring()
