"""Between the event loop and picows, where a server floods a socket: hands on so much at a time and no more.

picows doubles its buffer each time that a reading fills it, up to all that the kernel holds for the socket: three
million empty frames, which take 15 s.
"""

from __future__ import annotations

import asyncio
from typing import Any

# 1,000 empty frames: 5 ms, or 20 where a dialect looks closely at each.
SIP_BYTES = 2048
# Where messages are large; but for the first reading of a flood.
GULP_BYTES = 65_536


class Sips(asyncio.BufferedProtocol):
    """Put in the place of the protocol that it hands on to."""

    def __init__(self, inner: Any) -> None:
        """``inner`` is the protocol of picows."""
        self.most_bytes = GULP_BYTES
        self._inner = inner

    def get_buffer(self, sizehint: int) -> Any:
        return self._inner.get_buffer(sizehint)[: self.most_bytes]

    def buffer_updated(self, nbytes: int) -> None:
        self._inner.buffer_updated(nbytes)

    def eof_received(self) -> bool | None:
        is_left_open: bool | None = self._inner.eof_received()
        return is_left_open

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
